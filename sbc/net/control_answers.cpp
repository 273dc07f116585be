#include "sbc/net/control_answers.hpp"

#include <fmt/chrono.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "sbc/calls.hpp"
#include "sbc/net/state_record.hpp"
#include "sbc/registrations.hpp"

namespace postern::net {
namespace {

using nlohmann::ordered_json;

std::string text_of(acl::TimePoint time, const Clocks& clocks) {
  constexpr WallTime a_second = 1000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(clocks.to_wall(time) / a_second)));
}

/// An array, entry by entry. Texts in it come from the network.
class ArrayWriter {
 public:
  explicit ArrayWriter(std::string& out) : out_(out) {}
  void add(const ordered_json& entry, bool& first) {
    out_ += std::exchange(first, false) ? "[\n" : ",\n";
    out_ += entry.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  }
  void end(bool first) { out_ += first ? "[]\n" : "\n]\n"; }

 private:
  std::string& out_;
};

ordered_json json_of(const sbc::Binding& binding, const acl::Country& country, const Clocks& clocks) {
  ordered_json json{{"aor", binding.aor_user},
                    {"contact", binding.contact_uri},
                    {"source", binding.flow.peer.to_string()},
                    {"transport", sbc::to_string(binding.flow.transport)},
                    {"country", nullptr},
                    {"expires", text_of(binding.expires, clocks)},
                    {"since", text_of(binding.since, clocks)}};
  if (country != acl::Country{}) json["country"] = country.to_string();
  return json;
}

ordered_json json_of(const sbc::Call& call, const Clocks& clocks) {
  return {{"call_id", call.call_id},
          {"device", call.device},
          {"from", call.from},
          {"to", call.to},
          {"since", text_of(call.since, clocks)},
          {"state", sbc::to_string(call.state)},
          {"source", call.access.peer.to_string()}};
}

/// Worker by worker.
class EngineCursor {
 public:
  explicit EngineCursor(LookAtEngine engines) : engines_(std::move(engines)) {}
  /// `list(engine, cursor)`: as Engine::list(). False: that was all.
  template <class F>
  bool next(F&& list) {
    bool more = false;
    if (!engines_(worker_, [&](const sbc::Engine& engine) { more = list(engine, cursor_); })) return false;
    if (more) return true;
    cursor_ = {};
    ++worker_;
    return engines_(worker_, [](const sbc::Engine&) {});
  }

 private:
  LookAtEngine engines_;
  std::size_t worker_ = 0;
  sbc::ListCursor cursor_;
};

}  // namespace

AnswerPart registrations_answer(LookAtEngine engines, std::function<acl::Country(const acl::Address&)> country) {
  return [engines = EngineCursor(std::move(engines)), country = std::move(country), first = true](std::string& out) mutable {
    ArrayWriter array(out);
    const Clocks clocks = Clocks::read();
    const bool more = engines.next([&](const sbc::Engine& engine, sbc::ListCursor& cursor) {
      return engine.list(cursor, entries_a_part, clocks.steady, [&](const sbc::Binding& binding) {
        array.add(json_of(binding, country(binding.flow.peer.address), clocks), first);
      });
    });
    if (!more) array.end(first);
    return more;
  };
}

AnswerPart calls_answer(LookAtEngine engines) {
  return [engines = EngineCursor(std::move(engines)), first = true](std::string& out) mutable {
    ArrayWriter array(out);
    const Clocks clocks = Clocks::read();
    const bool more = engines.next([&](const sbc::Engine& engine, sbc::ListCursor& cursor) {
      return engine.list(cursor, entries_a_part, [&](const sbc::Call& call) { array.add(json_of(call, clocks), first); });
    });
    if (!more) array.end(first);
    return more;
  };
}

}  // namespace postern::net
