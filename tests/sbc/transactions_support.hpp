// A transaction layer in virtual time, and short names for what it sends.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "sbc/transactions.hpp"

namespace postern::sbc::test {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using Sent = std::vector<std::string>;

inline Flow flow_of(Side side, std::uint32_t address, std::uint16_t port = 5060) {
  Flow flow;
  flow.side = side;
  flow.peer = {acl::Address::v4(address), port};
  return flow;
}
inline const Flow phone = flow_of(Side::access, 0xc000020a);
inline const Flow pbx = flow_of(Side::core, 0x0a000001);

inline BranchId id_of(std::uint64_t number) { return {number * 0x9e3779b97f4a7c15ULL, number}; }

inline std::string header_lines(std::string_view cseq, std::string_view to_tag) {
  return "Via: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bKabc;rport\r\nMax-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=a1\r\nTo: "
         "<sip:b@example.com>" +
         (to_tag.empty() ? "" : ";tag=" + std::string{to_tag}) + "\r\nCall-ID: call-1\r\nCSeq: 1 " + std::string{cseq} +
         "\r\nUser-Agent: " + std::string(120, 'u') + "\r\n";
}

/// The tests' clock starts at a whole tick, so that deadlines come exactly.
class TransactionsTest : public testing::Test {
 protected:
  static constexpr std::size_t all = 1000;

  /// A message that lives as long as the test.
  const sip::RawMessage& message(const std::string& start_line, std::string_view cseq, std::string_view to_tag,
                                 std::string_view body = {}) {
    texts.push_back(start_line + "\r\n" + header_lines(cseq, to_tag) + extra + "Content-Length: " + std::to_string(body.size()) +
                    "\r\n\r\n" + std::string{body});
    sip::RawMessage& raw = messages.emplace_back();
    EXPECT_EQ(sip::prescreen(texts.back(), raw).result, sip::PrescreenResult::message) << texts.back();
    return raw;
  }
  const sip::RawMessage& request(const std::string& method, std::string_view to_tag = {}, std::string_view body = {}) {
    return message(method + " sip:b@example.com SIP/2.0", method, to_tag, body);
  }
  const sip::RawMessage& response(int status, const std::string& method = "INVITE", std::string_view to_tag = "b1",
                                  std::string_view body = {}) {
    return message("SIP/2.0 " + std::to_string(status) + " Any", method, to_tag, body);
  }

  Transaction* begin(const std::string& method, bool proven = true, std::uint64_t number = 1, const Flow& from = phone,
                     const Flow& to = pbx) {
    const sip::RawMessage& raw = request(method);
    return layer.begin(id_of(number), raw, {from, to, proven, raw.bytes}, now, out);
  }
  RequestMatch match(const std::string& method, std::uint64_t number = 1, const Flow& from = phone) {
    return layer.match(id_of(number), request(method, method == "ACK" ? "b1" : ""), from, now, out);
  }
  /// A response of the next hop through match_response(), wants() and deliver(); false: not passed on.
  bool hear(int status, const std::string& method = "INVITE", const Flow& from = pbx, std::uint64_t number = 1,
            std::string_view to_tag = "b1") {
    const sip::RawMessage& raw = response(status, method, to_tag);
    Transaction* transaction = layer.match_response(id_of(number), raw, from);
    if (transaction == nullptr || !layer.wants(*transaction, raw, now, out)) return false;
    return layer.deliver(*transaction, raw, raw.bytes, now, out);
  }
  Transaction* find(std::uint64_t number = 1, const Flow& from = pbx, const std::string& method = "INVITE") {
    return layer.match_response(id_of(number), response(180, method), from);
  }

  /// What was sent since the last call: the side, and the method or the status.
  Sent sent() {
    collect();
    Sent result;
    result.swap(log);
    timed_log.clear();
    return result;
  }
  /// The same with the time in ms since the start in front: "500 core INVITE".
  Sent sent_with_times() {
    collect();
    Sent result;
    result.swap(timed_log);
    log.clear();
    return result;
  }
  void run_until(milliseconds since_start) {
    const TimePoint end = start + since_start;
    collect();
    for (auto next = layer.next_deadline(); next && *next <= end; next = layer.next_deadline()) {
      now = std::max(now, *next);
      layer.advance(now, all, out);
      collect();
    }
    now = end;
  }
  void run_for(milliseconds time) { run_until(std::chrono::duration_cast<milliseconds>(now - start) + time); }

  void collect() {
    for (const Outgoing& one : out.items()) {
      EXPECT_FALSE(one.bytes.empty());
      std::string word = one.bytes.substr(0, one.bytes.find(' '));
      if (word == "SIP/2.0") word = one.bytes.substr(8, 3);
      const bool to_peer = one.flow == phone || one.flow == pbx;
      log.push_back((one.flow.side == Side::core ? "core " : "access ") + word + (to_peer ? "" : " elsewhere"));
      timed_log.push_back(std::to_string(std::chrono::duration_cast<milliseconds>(now - start).count()) + " " + log.back());
      last_bytes = one.bytes;
    }
    out.clear();
  }

  const TimePoint start{milliseconds{5'000'000}};
  TimePoint now = start;
  Transactions layer{1000, 1 << 20, milliseconds{4000}, 42};
  Outbox out;
  std::string extra;  ///< header lines of the next messages
  std::deque<std::string> texts;
  std::deque<sip::RawMessage> messages;
  Sent log, timed_log;
  std::string last_bytes;
};

}  // namespace postern::sbc::test
