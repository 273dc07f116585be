#include "sbc/net/control_answers.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "sbc/calls.hpp"
#include "sbc/net/operator_words.hpp"
#include "sbc/registrations.hpp"

namespace postern::net {
namespace {

using nlohmann::ordered_json;

/// Places of a table of bans, most of them free.
constexpr std::size_t places_a_part = 1024;

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
                    {"expires", time_text(binding.expires, clocks)},
                    {"since", time_text(binding.since, clocks)}};
  if (country != acl::Country{}) json["country"] = country.to_string();
  return json;
}

ordered_json json_of(const sbc::Call& call, const Clocks& clocks) {
  return {{"call_id", call.call_id},
          {"device", call.device},
          {"from", call.from},
          {"to", call.to},
          {"since", time_text(call.since, clocks)},
          {"state", sbc::to_string(call.state)},
          {"source", call.access.peer.to_string()}};
}

std::string evidence_of(const sbc::Jailed& jailed) {
  return fmt::format("{} {}", jailed.strikes, jailed.strikes == 1 ? "strike" : "strikes");
}

ordered_json json_of(const sbc::Jailed& jailed, const Clocks& clocks) {
  ordered_json json{
      {"address", jailed.source.to_string()},     {"account", nullptr},
      {"cause", sbc::word_of(jailed.cause)},      {"reason", sbc::cause_table.at(static_cast<std::size_t>(jailed.cause)).help},
      {"evidence", evidence_of(jailed)},          {"proof", jailed.proven ? "proven" : "unproven"},
      {"since", time_text(jailed.since, clocks)}, {"until", nullptr}};
  if (!jailed.account.empty()) json["account"] = jailed.account;
  if (jailed.until != acl::TimePoint::max()) json["until"] = time_text(jailed.until, clocks);
  return json;
}

/// Worker by worker; `Cursor` is that of what is listed.
template <class Cursor>
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
  Cursor cursor_;
};

}  // namespace

std::string time_text(acl::TimePoint time, const Clocks& clocks) {
  constexpr WallTime a_second = 1000;
  return time_text(static_cast<std::int64_t>(clocks.to_wall(time) / a_second));
}

AnswerPart registrations_answer(LookAtEngine engines, std::function<acl::Country(const acl::Address&)> country) {
  return
      [engines = EngineCursor<sbc::ListCursor>(std::move(engines)), country = std::move(country), first = true](std::string& out) mutable {
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
  return [engines = EngineCursor<sbc::ListCursor>(std::move(engines)), first = true](std::string& out) mutable {
    ArrayWriter array(out);
    const Clocks clocks = Clocks::read();
    const bool more = engines.next([&](const sbc::Engine& engine, sbc::ListCursor& cursor) {
      return engine.list(cursor, entries_a_part, [&](const sbc::Call& call) { array.add(json_of(call, clocks), first); });
    });
    if (!more) array.end(first);
    return more;
  };
}

AnswerPart bans_answer(LookAtEngine engines) {
  return [engines = EngineCursor<sbc::JailedCursor>(std::move(engines)), first = true](std::string& out) mutable {
    ArrayWriter array(out);
    const Clocks clocks = Clocks::read();
    const bool more = engines.next([&](const sbc::Engine& engine, sbc::JailedCursor& cursor) {
      return engine.list(cursor, places_a_part, clocks.steady,
                         [&](const sbc::Jailed& jailed) { array.add(json_of(jailed, clocks), first); });
    });
    if (!more) array.end(first);
    return more;
  };
}

namespace {

AnswerPart no_address(std::string_view text) {
  return refusal(fmt::format("\"{}\" is no IP address (without a port); for a network write a rule with `action: ban` or `drop`", text));
}

}  // namespace

AnswerPart ban_answer(const LookAtEngine& engines, const ControlArguments& arguments) {
  constexpr std::chrono::seconds usual{3600}, longest{std::chrono::hours{24 * 365}};
  const std::string text = text_in(arguments, "address");
  const auto address = acl::Address::parse(text);
  if (!address || address->is_unspecified()) return no_address(text);
  const std::string given = text_in(arguments, "for");
  const std::int64_t seconds = given.empty() ? usual.count() : number_in(given);
  if (seconds < 1 || seconds > longest.count()) return refusal(fmt::format("a ban lasts from 1 to {} seconds", longest.count()));
  bool banned = false;
  std::size_t devices = 0;
  const auto ban = [&](sbc::Engine& engine) {
    if (!engine.serves(*address)) return;
    banned = engine.ban(*address, std::chrono::seconds{seconds}, acl::Clock::now());
    devices = engine.devices_at(*address, acl::Clock::now());
  };
  for (std::size_t worker = 0; engines(worker, ban); ++worker) {
  }
  if (!banned)
    return refusal(fmt::format(
        "{} is never banned: it is trusted, a trunk, the PBX, an address of this host, its gateway, or one that hides many callers", text));
  return whole_answer(ordered_json{{"banned", address->to_string()}, {"devices", devices}}.dump());
}

AnswerPart pardon_answer(const LookAtEngine& engines, const ControlArguments& arguments) {
  const std::string text = text_in(arguments, "address");
  const auto address = acl::Address::parse(text);
  if (!address) return no_address(text);
  const std::string account = text_in(arguments, "account");
  bool pardoned = false;
  const auto pardon = [&](sbc::Engine& engine) { pardoned = engine.pardon(*address, account, acl::Clock::now()) || pardoned; };
  for (std::size_t worker = 0; engines(worker, pardon); ++worker) {
  }
  if (!pardoned) return refusal(fmt::format("nothing keeps {}{}{} out", text, account.empty() ? "" : " as ", account));
  return whole_answer(ordered_json{{"pardoned", 1}}.dump());
}

AnswerPart pardon_all_answer(const LookAtEngine& engines) {
  std::size_t pardoned = 0;
  const auto pardon = [&](sbc::Engine& engine) { pardoned += engine.pardon_all(acl::Clock::now()); };
  for (std::size_t worker = 0; engines(worker, pardon); ++worker) {
  }
  return whole_answer(ordered_json{{"pardoned", pardoned}}.dump());
}

}  // namespace postern::net
