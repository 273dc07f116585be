#include "sbc/net/reloads.hpp"

#include <algorithm>
#include <exception>

#include "sbc/net/host_addresses.hpp"
#include "sbc/net/thread_name.hpp"

namespace postern::net {
namespace {

Reloads::Result prepared(const Loader& load, const NameAnswers& answers, Reloads::What what, const Configuration& current) {
  Reloads::Result result;
  try {
    result.configuration = load(answers, what == Reloads::What::names ? &current.text : nullptr);
    if (!result.configuration.errors.empty()) return result;
    return Reloads::ready(std::move(result.configuration), current);
  } catch (const std::exception& error) {  // no memory, say
    result.setups.clear();
    FileProblem& problem = result.configuration.errors.emplace_back();
    problem.path = "(file)";
    problem.message = error.what();
  }
  return result;
}

}  // namespace

Reloads::Reloads(boost::asio::io_context& io, Loader load, const DynamicNames& names, Current current, Done done)
    : io_(io), load_(std::move(load)), names_(names), current_(std::move(current)), done_(std::move(done)) {
  boost::asio::post(thread_, [] { name_this_thread("postern/reload"); });
}

Reloads::Result Reloads::ready(Configuration next, const Configuration& current) {
  Result result;
  next.engine.never_banned = own_and_gateway_addresses();
  result.setups.assign(current.engine.pbx.workers, sbc::Setup(next.engine, next.policy));
  result.changes = net::changes(current, next);
  result.configuration = std::move(next);
  return result;
}

void Reloads::request(What what) {
  if (under_way_) {
    again_ = std::max(again_, what);
    return;
  }
  under_way_ = true;
  boost::asio::post(thread_, [this, what, current = current_()] {
    auto result = std::make_shared<Result>(prepared(load_, names_.answers(), what, *current));
    boost::asio::post(io_, [this, result] { on_read(std::move(*result)); });
  });
}

void Reloads::on_read(Result result) {
  under_way_ = false;
  done_(std::move(result));
  if (const What next = std::exchange(again_, What::nothing); next != What::nothing) request(next);
}

}  // namespace postern::net
