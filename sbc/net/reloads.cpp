#include "sbc/net/reloads.hpp"

#include <algorithm>
#include <exception>

#include "sbc/net/host_addresses.hpp"
#include "sbc/net/thread_name.hpp"

namespace postern::net {
namespace {

/// One that has been read, compiled for being taken over in the place of `current`.
Reloads::Result ready(Configuration next, const Configuration& current) {
  Reloads::Result result;
  next.engine.never_banned = own_and_gateway_addresses();
  result.setups.assign(current.engine.pbx.workers, sbc::Setup(next.engine, next.policy));
  result.changes = changes(current, next);
  result.configuration = std::move(next);
  return result;
}

/// What `make` makes, or why it could not.
template <class Make>
Reloads::Result prepared(Make make) {
  try {
    return make();
  } catch (const std::exception& error) {  // no memory, say
    Reloads::Result result;
    FileProblem& problem = result.configuration.errors.emplace_back();
    problem.path = "(file)";
    problem.message = error.what();
    return result;
  }
}

Reloads::Result read(const Loader& load, const NameAnswers& answers, Reloads::What what, const Configuration& current) {
  Reloads::Result result = prepared([&] {
    Reloads::Result loaded;
    loaded.configuration = load(answers, what == Reloads::What::names ? &current.text : nullptr);
    return loaded.configuration.errors.empty() ? ready(std::move(loaded.configuration), current) : std::move(loaded);
  });
  result.of_file = what == Reloads::What::file;
  return result;
}

}  // namespace

Reloads::Reloads(boost::asio::io_context& io, Loader load, const DynamicNames& names, Current current, Done done)
    : io_(io), load_(std::move(load)), names_(names), current_(std::move(current)), done_(std::move(done)) {
  boost::asio::post(thread_, [] { name_this_thread("postern/reload"); });
}

void Reloads::request(What what) {
  if (under_way_)
    again_ = std::max(again_, what);
  else
    begin(what);
}

void Reloads::begin(What what) {
  under_way_ = true;
  boost::asio::post(thread_, [this, what, before = before_, current = current_()] {
    auto result = std::make_shared<Result>(before == nullptr ? read(load_, names_.answers(), what, *current)
                                                             : prepared([&] { return ready(*before, *current); }));
    result->back = before != nullptr;
    boost::asio::post(io_, [this, result] { on_read(std::move(*result)); });
  });
}

void Reloads::go_back(std::shared_ptr<const Configuration> before) {
  before_ = std::move(before);
  again_ = What::nothing;
  if (!under_way_) begin(What::nothing);
}

void Reloads::on_read(Result result) {
  under_way_ = false;
  // What was read before it was decided to go back is of the configuration that is being left.
  if (before_ != nullptr && !result.back) return begin(What::nothing);
  before_.reset();
  done_(std::move(result));
  if (const What next = std::exchange(again_, What::nothing); next != What::nothing) begin(next);
}

}  // namespace postern::net
