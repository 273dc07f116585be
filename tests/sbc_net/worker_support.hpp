// A worker with a PBX and a phone, on loopback.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "acl/policy.hpp"
#include "sbc/net/start_error.hpp"
#include "sbc/net/worker.hpp"

namespace postern::net {

using sbc::Endpoint;
using sbc::Outcome;

inline constexpr std::chrono::seconds patience{10};

inline Endpoint at(const char* address, std::uint16_t port = 0) { return {*acl::Address::parse(address), port}; }

class Silent final : public sbc::EventSink {
 public:
  void on_event(const sbc::Event&) override {}
};

inline sbc::EngineOptions options_toward(const Endpoint& pbx) {
  sbc::EngineOptions options;
  options.listeners.push_back({.name = "door", .bind = at("0.0.0.0"), .advertise = {}, .advertise_to = {}});
  options.pbx.addresses = {pbx};
  options.pbx.bind = at("0.0.0.0");
  return options;
}

inline std::shared_ptr<const acl::Policy> open_policy() {
  auto compiled = acl::Policy::compile({}, {});
  return std::get<std::shared_ptr<const acl::Policy>>(compiled);
}

class WorkerTest : public testing::Test {
 protected:
  std::unique_ptr<Worker> make(const sbc::EngineOptions& options) {
    return std::make_unique<Worker>(io_, options, open_policy(), sbc::Secrets{}, events_);
  }
  std::string refusal(const sbc::EngineOptions& options) {
    try {
      make(options);
    } catch (const StartError& error) {
      return error.what();
    }
    return "";
  }
  /// Runs the loop until `done` holds; false if it never does.
  bool run_until(const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!done()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      io_.run_one_for(std::chrono::milliseconds(100));
    }
    return true;
  }
  static std::uint64_t count(const Worker& worker, Outcome outcome) { return worker.metrics().outcomes[static_cast<std::size_t>(outcome)]; }
  static void send(UdpSocket& from, const Endpoint& to, std::string bytes) {
    sbc::Outgoing datagram;
    datagram.flow.peer = to;
    datagram.bytes = std::move(bytes);
    const sbc::Outgoing* pointer = &datagram;
    from.send({&pointer, 1});
  }

  boost::asio::io_context io_{1};
  Silent events_;
  UdpSocket pbx_{at("127.0.0.1")};
  UdpSocket phone_{at("127.0.0.1")};
};

inline std::string request(const UdpSocket& phone, const std::string& method) {
  return method + " sip:1001@sbc.test SIP/2.0\r\nVia: SIP/2.0/UDP " + phone.bound().to_string() +
         ";rport;branch=z9hG4bKabc\r\nMax-Forwards: 70\r\nFrom: <sip:1001@sbc.test>;tag=a\r\nTo: <sip:1001@sbc.test>\r\n"
         "Call-ID: worker-test\r\nCSeq: 1 " +
         method + "\r\nUser-Agent: long enough for an answer that is no larger\r\nContent-Length: 0\r\n\r\n";
}

}  // namespace postern::net
