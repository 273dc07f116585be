#include "load-tests/engine/engine_bench.hpp"

#include <cstdint>
#include <stdexcept>

#include "config/load.hpp"
#include "load-tests/sip_text.hpp"

namespace postern::bench {

EngineBench::EngineBench(const std::string& yaml, std::chrono::microseconds step) : step_(step) {
  config::LoadResult loaded = config::load_text(yaml, "bench.yaml", "/");
  if (!loaded.ok()) {
    std::string errors;
    for (const config::Problem& problem : loaded.problems) errors.append(problem.to_string()).append("\n");
    throw std::invalid_argument(errors);
  }
  sbc::Secrets secrets;
  for (std::size_t i = 0; i < secrets.secret.size(); ++i) secrets.secret.at(i) = static_cast<std::uint8_t>(i * 7 + 1);
  secrets.table_seed = 42;
  engine_ = std::make_unique<sbc::Engine>(loaded.config.engine, loaded.policy, secrets, events_);
  access_.local = loaded.config.engine.listeners.front().bind.address;
  core_.side = sbc::Side::core;
  core_.local = loaded.config.engine.pbx.bind->address;
  core_.peer = loaded.config.engine.pbx.addresses.front();
}

void EngineBench::from(const acl::Address& source, std::uint16_t port, std::string_view bytes) {
  access_.peer = {source, port};
  now_ += step_;
  out_.clear();
  engine_->handle({bytes, access_}, now_, out_);
}

void EngineBench::from_pbx(std::string_view bytes) {
  now_ += step_;
  out_.clear();
  engine_->handle({bytes, core_}, now_, out_);
}

void EngineBench::advance() {
  out_.clear();
  if (const auto deadline = engine_->next_deadline(); deadline && *deadline <= now_) engine_->advance(now_, out_);
  out_.clear();
}

std::string response_to(std::string_view request, std::string_view status_line, std::string_view more) {
  std::string response = std::string("SIP/2.0 ").append(status_line).append("\r\n");
  for (const std::string_view name : {"Via", "Record-Route", "From"}) response += load::lines_of(request, name);
  const std::string to = load::header(request, "To");
  response.append("To: ").append(to).append(to.find(";tag=") == std::string::npos ? ";tag=t" : "").append("\r\n");
  for (const std::string_view name : {"Call-ID", "CSeq"}) response += load::lines_of(request, name);
  return response.append(more);
}

}  // namespace postern::bench
