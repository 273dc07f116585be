// Once the engine is warm, nothing is allocated for what is dropped, and a known few times for what is passed on.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <new>
#include <string>

#include "tests/support/engine_fixture.hpp"

namespace {
std::size_t allocations = 0;

void* counted(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;  // NOLINT(cppcoreguidelines-no-malloc)
  throw std::bad_alloc();
}
}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace postern::testing {
namespace {

constexpr std::string_view config = R"(
listeners: [udp://198.51.100.1:5060]
pbx: {address: udp://10.0.0.5:15060, bind: 10.0.0.2:5080}
rules: [{source: 192.0.2.0/24, action: drop}]
limits: {per_source: {rate: 1/m, burst: 4}, unknown_sources: {rate: 10/m, burst: 10}}
)";

std::string request(std::string_view user_agent) {
  return "INVITE sip:1002@198.51.100.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
         "From: <sip:1@a>;tag=1\r\nTo: <sip:2@a>\r\nCall-ID: a-call-id-that-is-longer-than-a-small-string@192.0.2.1\r\nCSeq: 1 INVITE\r\n"
         "User-Agent: " +
         std::string(user_agent) + "\r\nContent-Length: 0\r\n\r\n";
}

class Refused : public ::testing::Test {
 protected:
  [[nodiscard]] sbc::Flow from(const char* address) const { return bench_.access_flow({*acl::Address::parse(address), 5060}); }

  // Warm: the same packet was refused before (the log's allowance is used up by then as well).
  void costs_nothing(const sbc::Flow& flow, const std::string& bytes, sbc::Outcome expected) {
    sbc::Outbox out;
    sbc::Outcome outcome = sbc::Outcome::forwarded;
    for (int i = 0; i < 64; ++i) outcome = bench_.engine().handle({bytes, flow}, bench_.now(), out);
    ASSERT_EQ(outcome, expected) << sbc::info(outcome).word;
    out.clear();
    const std::size_t before = allocations;
    outcome = bench_.engine().handle({bytes, flow}, bench_.now(), out);
    EXPECT_EQ(allocations - before, 0U);
    EXPECT_EQ(outcome, expected);
    EXPECT_TRUE(out.empty());
  }

  EngineBench bench_{config};
};

TEST_F(Refused, TheCounterCounts) {
  const std::size_t before = allocations;
  const std::string text(100, 'x');
  EXPECT_GT(allocations, before) << text;
}

TEST_F(Refused, Silenced) {
  bench_.handle(from("203.0.113.9"), request("friendly-scanner"));
  costs_nothing(from("203.0.113.9"), request("anything"), sbc::Outcome::silenced);
}

TEST_F(Refused, GarbageOverTheLimit) { costs_nothing(from("203.0.113.1"), "GET / HTTP/1.1\r\n\r\n", sbc::Outcome::source_limit); }

TEST_F(Refused, SourceLimit) { costs_nothing(from("203.0.113.2"), request("phone"), sbc::Outcome::source_limit); }

TEST_F(Refused, UnknownSourcesLimit) {
  for (int i = 1; i < 30; ++i) bench_.handle(from(("203.0.113." + std::to_string(i)).c_str()), "\r\n");
  const sbc::Flow flow = from("203.0.113.200");
  sbc::Outbox out;
  EXPECT_EQ(bench_.engine().handle({"\r\n", flow}, bench_.now(), out), sbc::Outcome::unknown_sources_limit);
  const std::size_t before = allocations;
  EXPECT_EQ(bench_.engine().handle({"\r\n", flow}, bench_.now(), out), sbc::Outcome::unknown_sources_limit);
  EXPECT_EQ(allocations - before, 0U);
}

/// Nor is anything remembered of him.
TEST_F(Refused, DeniedNetwork) {
  const std::size_t before = bench_.engine().gauges().sources_tracked;
  costs_nothing(from("192.0.2.1"), request("x"), sbc::Outcome::rule_drop);
  EXPECT_EQ(bench_.engine().gauges().sources_tracked, before);
}

TEST_F(Refused, NotThePbx) {
  costs_nothing(bench_.core_flow({*acl::Address::parse("10.0.0.6"), 5060}), request("x"), sbc::Outcome::not_pbx);
}

// Without a limit, so that what no rule can drop unread is looked at, too.
class RefusedByRule : public ::testing::Test {
 protected:
  EngineBench bench_{R"(
listeners: [udp://198.51.100.1:5060]
pbx: {address: udp://10.0.0.5:15060, bind: 10.0.0.2:5080}
rules: [{source: 192.0.2.0/24, action: drop}]
limits: {per_source: off, unknown_sources: off}
)"};

  void costs_nothing(const std::string& bytes, sbc::Outcome expected) {
    const sbc::Flow flow = bench_.access_flow({*acl::Address::parse("192.0.2.1"), 5060});
    sbc::Outbox out;
    for (int i = 0; i < 64; ++i) EXPECT_EQ(bench_.engine().handle({bytes, flow}, bench_.now(), out), expected);
    out.clear();
    const std::size_t before = allocations;
    EXPECT_EQ(bench_.engine().handle({bytes, flow}, bench_.now(), out), expected);
    EXPECT_EQ(allocations - before, 0U);
    EXPECT_TRUE(out.empty());
  }
};

TEST(RefusedByUserAgent, IsCountedAndNotReadOnceTheLogIsFull) {
  EngineBench bench(R"(
listeners: [udp://198.51.100.1:5060]
pbx: {address: udp://10.0.0.5:15060, bind: 10.0.0.2:5080}
rules:
  - {name: denied, source: 198.51.100.0/24, action: drop}
  - {name: scanners, user_agent: builtin, action: drop}
  - {name: watched, methods: [INVITE], source: 203.0.113.0/24, log_only: true, action: drop}
builtin_scanners: off
limits: {per_source: off, unknown_sources: off, per_source_methods: {INVITE: off}}
)");
  const sbc::Flow flow = bench.access_flow({*acl::Address::parse("192.0.2.1"), 5060});
  const std::string scanner = request("friendly-scanner");
  sbc::Outbox out;
  for (int i = 0; i < 64; ++i) ASSERT_EQ(bench.engine().handle({scanner, flow}, bench.now(), out), sbc::Outcome::rule_drop);
  const std::size_t before = allocations;
  EXPECT_EQ(bench.engine().handle({scanner, flow}, bench.now(), out), sbc::Outcome::rule_drop);
  EXPECT_EQ(allocations - before, 0U);
  EXPECT_TRUE(out.empty());
  const sbc::Metrics& metrics = bench.engine().metrics();
  EXPECT_EQ(metrics.rules.at(1).matches, 65U);
  EXPECT_EQ(metrics.outcomes[static_cast<std::size_t>(sbc::Outcome::rule_drop)], 65U);
  // What it lets pass is judged by the rules behind it.
  const sbc::Flow watched = bench.access_flow({*acl::Address::parse("203.0.113.1"), 5060});
  EXPECT_EQ(bench.engine().handle({request("phone"), watched}, bench.now(), out), sbc::Outcome::forwarded);
  EXPECT_EQ(metrics.rules.at(2).matches, 1U);
  EXPECT_EQ(metrics.rules.at(0).matches, 0U);
}

TEST_F(RefusedByRule, Drop) { costs_nothing(request("phone"), sbc::Outcome::rule_drop); }
TEST_F(RefusedByRule, Garbage) { costs_nothing("GET / HTTP/1.1\r\n\r\n", sbc::Outcome::garbage); }

// What a transaction keeps (the request as it came and as it was sent, the answer) and the texts that are put together on the way.
class Forwarded : public ::testing::Test {
 protected:
  static constexpr std::size_t most_for_a_request = 18, most_for_a_response = 12;

  std::size_t cost_of(const std::string& bytes, const sbc::Flow& flow, sbc::Outbox& out) {
    out.clear();
    const std::size_t before = allocations;
    EXPECT_EQ(bench_.engine().handle({bytes, flow}, bench_.now(), out), sbc::Outcome::forwarded) << bytes;
    return allocations - before;
  }

  static std::string options(int number) {
    const std::string text = std::to_string(10'000 + number);
    return "OPTIONS sip:198.51.100.1 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.7:5060;branch=z9hG4bK-a-branch-of-usual-size-" + text +
           ";rport\r\nMax-Forwards: 70\r\nFrom: <sip:1001@198.51.100.1>;tag=a-tag-" + text +
           "\r\nTo: <sip:198.51.100.1>\r\nCall-ID: a-call-id-" + text +
           "@203.0.113.7\r\nCSeq: 1 OPTIONS\r\nContact: <sip:1001@203.0.113.7:5060>\r\nUser-Agent: Phone/1.0\r\nContent-Length: 0\r\n\r\n";
  }
  /// The PBX's 200: all that it got, below another first line.
  static std::string answer_to(const std::string& request) { return "SIP/2.0 200 OK" + request.substr(request.find("\r\n")); }

  EngineBench bench_{R"(
listeners: [udp://198.51.100.1:5060]
pbx: {address: udp://10.0.0.5:15060, bind: 10.0.0.2:5080}
limits: {per_source: off, per_source_methods: {}, unknown_sources: off, pbx: off}
)"};
};

TEST_F(Forwarded, ARequestAndItsAnswerAllocateAKnownFewTimes) {
  const sbc::Flow phone = bench_.access_flow({*acl::Address::parse("203.0.113.7"), 5060});
  const sbc::Flow pbx = bench_.core_flow({*acl::Address::parse("10.0.0.5"), 15060});
  sbc::Outbox out;
  std::size_t request = 0;
  std::size_t response = 0;
  for (int number = 0; number < 200; ++number) {
    request = cost_of(options(number), phone, out);
    ASSERT_EQ(out.items().size(), 1U);
    response = cost_of(answer_to(std::string(out.items()[0].bytes)), pbx, out);
  }
  EXPECT_LE(request, most_for_a_request);
  EXPECT_LE(response, most_for_a_response);
}

}  // namespace
}  // namespace postern::testing
