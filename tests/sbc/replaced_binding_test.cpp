// Which binding a REGISTER replaces: one rule, for the bindings of this worker and for those of the others.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "sbc/fellow_bindings.hpp"
#include "sbc/registrations.hpp"

namespace postern::sbc {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint now{1000h};
constexpr acl::Duration silent_for = 50s;

struct Kept {
  std::string contact, call_id, instance;
  acl::Duration left = 1h;
  acl::Duration silent = 0s;
};

struct Case {
  const char* name;
  std::vector<Kept> kept;  ///< in the order in which they came; one that stands twice is refreshed
  std::string call_id, instance;
  std::string replaced;  ///< its contact; empty: none
};

const std::vector<Case> cases{
    {"nothing", {}, "call", "instance", ""},
    {"by Call-ID", {{"a", "call", "instance"}}, "call", "", "a"},
    {"by Call-ID, whatever the instance", {{"a", "call", "instance"}}, "call", "another", "a"},
    {"no Call-ID is nobody's", {{"a", "", ""}}, "", "", ""},
    {"another's", {{"a", "call", "instance"}}, "other", "other", ""},
    {"it has ended", {{"a", "call", "instance", 0s, 1h}}, "call", "instance", ""},
    {"by instance, once it is silent", {{"a", "call", "instance", 1h, 50s}}, "other", "instance", "a"},
    {"by instance, not yet", {{"a", "call", "instance", 1h, 49s}}, "other", "instance", ""},
    {"no instance is nobody's", {{"a", "call", "", 1h, 50s}}, "other", "", ""},
    {"the Call-ID is more than the instance", {{"a", "call", "other"}, {"b", "other", "instance", 1h, 1h}}, "call", "instance", "a"},
    {"of the same Call-ID the newest", {{"a", "call", "1"}, {"b", "call", "2"}}, "call", "", "b"},
    {"of the same Call-ID the newest that lives", {{"a", "call", "1"}, {"b", "call", "2", 0s}}, "call", "", "a"},
    {"of the same instance the newest", {{"a", "1", "instance", 1h, 1h}, {"b", "2", "instance", 1h, 1h}}, "call", "instance", "b"},
    {"a refresh makes none newer", {{"a", "call", "1"}, {"b", "call", "2"}, {"a", "call", "1", 2h}}, "call", "", "b"},
};

Flow flow_of(const std::string& contact) {
  Flow flow;
  flow.peer = {acl::Address::v4(0xcb007100 + static_cast<std::uint32_t>(contact[0])), 5060};
  return flow;
}

std::string replaced_of_ours(const Case& each) {
  Registrations registrations(100, 1);
  for (const Kept& kept : each.kept) {
    Binding binding;
    binding.aor_user = "1001";
    binding.core_contact = kept.contact;
    binding.call_id = kept.call_id;
    binding.instance = kept.instance;
    binding.flow = flow_of(kept.contact);
    binding.expires = now + kept.left;
    binding.last_heard = now - kept.silent;
    registrations.accept(Binding(binding));
  }
  const Binding* found = registrations.replaced_by("1001", each.call_id, each.instance, flow_of("z"), now, silent_for);
  EXPECT_EQ(registrations.replaced_by("1002", each.call_id, each.instance, flow_of("z"), now, silent_for), nullptr);
  return found == nullptr ? "" : found->core_contact;
}

std::string replaced_of_fellows(const Case& each) {
  FellowBindings bindings(100, 100, 7);
  for (const Kept& kept : each.kept) {
    const auto heard = std::make_shared<SharedTime>((now - kept.silent).time_since_epoch().count());
    bindings.keep(std::make_shared<const FellowBinding>(
        FellowBinding{"1001", kept.contact, bindings.key_of(kept.call_id), bindings.key_of(kept.instance), now + kept.left, heard}));
  }
  const FellowBinding* found = bindings.replaced_by("1001", each.call_id, each.instance, now, silent_for);
  EXPECT_EQ(bindings.replaced_by("1002", each.call_id, each.instance, now, silent_for), nullptr);
  return found == nullptr ? "" : found->core_contact;
}

TEST(ReplacedBinding, IsTheSameAtThisWorkerAndAtAnother) {
  for (const Case& each : cases) {
    EXPECT_EQ(replaced_of_ours(each), each.replaced) << each.name;
    EXPECT_EQ(replaced_of_fellows(each), each.replaced) << each.name;
  }
}

}  // namespace
}  // namespace postern::sbc
