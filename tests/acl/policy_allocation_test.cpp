// A refused packet must cost no allocation: every operator new of this binary is counted.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "acl/policy.hpp"
#include "support.hpp"

namespace {
std::atomic<std::size_t> allocations = 0;

void* counted(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
// The forms that do not throw as well (std::stable_sort uses them): a pair of which one is ours and one is not would be a mismatch.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace postern::acl {
namespace {

PolicyOptions thousand_rules() {
  PolicyOptions options;
  options.user_agents["desk-phones"] = {"^Yealink", "^Grandstream"};
  for (std::uint32_t i = 0; i < 1000; ++i) {
    RuleOptions& rule = options.rules.emplace_back();
    rule.name = "a rule whose name is longer than any short string optimisation " + std::to_string(i);
    rule.action = Action::drop;
    rule.log_only = i % 100 == 0;
    if (i % 100 != 0) rule.when.source = Condition<Network>{{Network(Address::v4(i << 8), 24)}, false};
    if (i % 2 == 0) rule.when.country = Condition<Country>{{Country::unknown, Country::of('U', 'S')}, false};
    if (i % 3 == 0) rule.when.user_agent = Condition<std::string>{{"desk-phones"}, true};
    if (i % 5 == 0) rule.when.from_user = Condition<std::string>{{"T2_*", "1?*1"}, false};
    if (i % 7 == 0) rule.unless.asn = Condition<std::uint32_t>{{64500}, false};
    rule.when.methods = Condition<std::string>{{"INVITE", "REGISTER"}, false};
  }
  return options;
}

TEST(PolicyAllocation, DecidingAllocatesNothing) {
  const TemporaryFolder folder;
  Geo geo;
  if (make_mmdb(folder / "geo.mmdb", "flat", 6, "192.0.2.0/24 US 64500\n")) {
    geo.countries = geo.asns = std::get<0>(GeoDatabase::open(folder / "geo.mmdb"));
  }
  const auto policy = std::get<0>(Policy::compile(thousand_rules(), geo));
  RequestFacts facts;
  facts.method = "INVITE";
  facts.from_user = "T2_1001";
  facts.listener = "udp://0.0.0.0:5060";
  facts.transport = "udp";

  // Once to let RE2 build its automaton for these texts, then counted.
  std::size_t before = allocations;
  for (int turn = 0; turn < 2; ++turn) {
    before = allocations;
    for (const char* agent : {"friendly-scanner", "Yealink SIP-T53W 96.87.0.16", "", "PolycomVVX-VVX_350-UA/5.9.5.0614"}) {
      facts.user_agent = agent;
      for (const char* source : {"192.0.2.1", "203.0.113.9", "0.3.231.1", "2001:db8::1"}) {
        facts.source = *Address::parse(source);
        const Verdict verdict = policy->decide(facts);
        EXPECT_LT(verdict.rule, 1001);
      }
    }
  }
  EXPECT_EQ(allocations, before);
  EXPECT_GT(before, 1000U) << "the counter must be in force";
}

TEST(PolicyAllocation, NeitherDoDevicesAndEmergencyNumbers) {
  PolicyOptions options;
  options.device_groups["sales"] = {"T2_*", "a device whose name is longer than any short string optimisation"};
  for (const std::string& key : {std::string("1001"), std::string("2*"), std::string("sales")}) {
    const auto network = std::make_shared<const std::vector<Network>>(1, Network(Address::v4(0xc0000200), 24));
    options.devices.push_back({key, {network}, {network}, {"public"}, {}, {}});
  }
  options.emergency_prefixes = {"0"};
  const auto policy = std::get<0>(Policy::compile(options, {}));
  const Address source = Address::v4(0xc0000201);
  const std::size_t before = allocations;
  int refused = 0;
  for (const char* user : {"1001", "2001", "T2_1001", "a device whose name is longer than any short string optimisation", "nobody", ""})
    refused += policy->devices().refuses(user, source, "public") != nullptr ? 1 : 0;
  const bool emergency = policy->emergency().contains("0112") && !policy->emergency().contains("0123456789012345678901234567890123456789");
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(refused, 4);
  EXPECT_TRUE(emergency);
}

TEST(PolicyAllocation, NorDoesClassOfService) {
  PolicyOptions options;
  options.device_groups["sales"] = {"T2_*"};
  options.calls.emplace();
  options.calls->classes = {{"internal", {"1XXX"}}, {"international", {"00.", "0[1-3][5-7]X."}}};
  for (int i = 0; i < 1000; ++i) options.calls->classes[1].patterns.push_back("00" + std::to_string(i) + "X.");
  options.calls->allow = {{{}, {"sales", "1*"}, {"internal", "international"}}};
  const auto policy = std::get<0>(Policy::compile(options, {}));
  const CallPolicy& calls = *policy->calls();
  const Address source = Address::v4(0xc0000201);
  int allowed = 0;
  const std::size_t before = allocations;
  for (const char* user : {"+4930123456789", "1001", "01555", "anybody with a name that is longer than any short string optimisation"}) {
    const DialledNumber number(user);
    for (const char* device : {"T2_101", "1001", "kx83hd"}) allowed += calls.allows(source, device, calls.classify(number.text)) ? 1 : 0;
  }
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(allowed, 6);
}

}  // namespace
}  // namespace postern::acl
