#include "sbc/net/audit_answer.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <utility>

#include "sbc/fellows.hpp"
#include "sbc/net/state_record.hpp"
#include "sbc/registrations.hpp"
#include "sip/uri.hpp"

namespace postern::net {
namespace {

using nlohmann::ordered_json;

/// Messages that went to the access side.
std::uint64_t shown_in(const sbc::Metrics& metrics) {
  std::uint64_t sum = 0;
  for (const sbc::ByMethod& methods : metrics.forwarded[static_cast<std::size_t>(sbc::Side::access)])
    sum = std::accumulate(methods.begin(), methods.end(), sum);
  return sum;
}

/// Of all workers, since the configuration that holds was taken over.
struct Seen {
  sbc::NotHiddenCounts not_hidden{};
  std::uint64_t not_pbx = 0, shown = 0;
  sbc::PbxUps pbx;
  sbc::PbxStanding standing;

  void add(const sbc::Engine& engine) {
    const sbc::Metrics& metrics = engine.metrics();
    const sbc::Metrics& before = engine.metrics_at_apply();
    for (std::size_t i = 0; i < not_hidden.size(); ++i) not_hidden.at(i) += metrics.not_hidden.at(i) - before.not_hidden.at(i);
    constexpr auto stranger = static_cast<std::size_t>(sbc::Outcome::not_pbx);
    not_pbx += metrics.outcomes[stranger] - before.outcomes[stranger];
    shown += shown_in(metrics) - shown_in(before);
    if (pbx.empty()) pbx = metrics.pbx_up;
    for (std::size_t i = 0; i < std::min(pbx.size(), metrics.pbx_up.size()); ++i) pbx[i].up = pbx[i].up && metrics.pbx_up[i].up;
    const sbc::PbxStanding other = engine.pbx_standing();
    standing = {standing.probably_banned || other.probably_banned, std::max(standing.logins_survived, other.logins_survived)};
  }
};

std::string text_of(const ordered_json& json) { return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace); }

bool was_looked_at(sbc::WeakPasswords& accounts, std::string_view user) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): written before it is read
  std::array<char, 256> buffer;
  const std::string_view account = sip::canonical_user(user, buffer);
  // At the beginning of time no look is too old to count.
  return accounts.verdict_on(account) || !accounts.wants(account, acl::TimePoint{});
}

/// The array of registered users none of whose digests was looked at, part by part and worker by worker.
class NotTried {
 public:
  NotTried(LookAtEngine engines, sbc::WeakPasswords& accounts) : engines_(std::move(engines)), accounts_(accounts) {}
  /// False: that was all.
  bool next(std::string& out) {
    bool more = false;
    const auto list = [&](const sbc::Engine& engine) {
      more = engine.list(cursor_, entries_a_part, acl::Clock::now(), [&](const sbc::Binding& binding) { add(binding.aor_user, out); });
    };
    if (!engines_(worker_, list)) {
      out += first_ ? "[]" : "]";
      return false;
    }
    if (!more) {
      cursor_ = {};
      ++worker_;
    }
    return true;
  }

 private:
  void add(const std::string& user, std::string& out) {
    if (was_looked_at(accounts_, user)) return;
    out += std::exchange(first_, false) ? "[" : ",";
    out += text_of(user);
  }

  LookAtEngine engines_;
  sbc::WeakPasswords& accounts_;
  sbc::ListCursor cursor_;
  std::size_t worker_ = 0;
  bool first_ = true;
};

ordered_json json_of(const sbc::WeakVerdicts& verdicts) {
  const Clocks clocks = Clocks::read();
  ordered_json json = ordered_json::array();
  for (const auto& [account, verdict] : verdicts)
    json.push_back({{"account", account}, {"kind", sbc::info(verdict.kind).word}, {"since", time_text(verdict.since, clocks)}});
  return json;
}

ordered_json json_of(const Seen& seen, const sbc::Shared& shared) {
  ordered_json json;
  json["weak_passwords"] = json_of(shared.weak_passwords.verdicts());
  json["accounts_tried"] = shared.weak_passwords.accounts();
  for (std::size_t i = 0; i < seen.not_hidden.size(); ++i)
    json["not_hidden"][std::string(sbc::not_hidden_words.at(i))] = seen.not_hidden.at(i);
  json["shown"] = seen.shown;
  json["not_pbx"] = seen.not_pbx;
  json["pbx"] = ordered_json::array();
  for (const sbc::PbxUp& pbx : seen.pbx) json["pbx"].push_back({{"address", pbx.address}, {"up", pbx.up}});
  json["probably_banned"] = seen.standing.probably_banned;
  json["logins_survived"] = seen.standing.logins_survived;
  json["public_source_seen"] = shared.public_source_seen.load();
  return json;
}

}  // namespace

AnswerPart audit_answer(LookAtEngine engines, sbc::Shared& shared) {
  NotTried not_tried(engines, shared.weak_passwords);
  return [engines = std::move(engines), &shared, not_tried = std::move(not_tried), begun = false](std::string& out) mutable {
    if (!std::exchange(begun, true)) out += "{\"not_tried\":";
    if (not_tried.next(out)) return true;
    Seen seen;
    for (std::size_t worker = 0; engines(worker, [&seen](const sbc::Engine& engine) { seen.add(engine); }); ++worker) {
    }
    out += "," + text_of(json_of(seen, shared)).substr(1) + "\n";
    return false;
  };
}

}  // namespace postern::net
