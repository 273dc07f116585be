#include "sbc/net/live_explanation.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "sbc/base64url.hpp"
#include "sbc/net/control_answers.hpp"
#include "sbc/net/explanation_json.hpp"
#include "sbc/net/operator_words.hpp"
#include "sbc/net/warnings.hpp"
#include "sip/method.hpp"
#include "sip/prescreen.hpp"

namespace postern::net {
namespace {

using nlohmann::ordered_json;
using sbc::DryRun;

std::optional<std::string> decoded(const std::string& text) {
  std::vector<std::uint8_t> bytes(sip::Bounds::message);
  const auto size = sbc::decode_base64url(text, bytes);
  if (!size) return std::nullopt;
  return std::string(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(*size));
}

/// What outlives a restart, in the time of a dry run.
sbc::DurableState durable_part(const sbc::SourceFacts& facts, acl::TimePoint now) {
  const auto then = [&](acl::TimePoint time) { return time == acl::TimePoint::max() ? time : DryRun::epoch + (time - now); };
  sbc::DurableState state;
  if (facts.ban && facts.proven) {
    sbc::DurableBan ban = *facts.ban;
    ban.until = then(ban.until);
    ban.since = DryRun::epoch;
    state.bans.push_back(ban);
  }
  for (sbc::AccountBlock block : facts.blocks) {
    block.until = then(block.until);
    block.since = DryRun::epoch;
    state.blocks.push_back(std::move(block));
  }
  return state;
}

/// Such a rule is asked before the source's limit: see Admission::drop_by_source().
bool is_dropped_by_source(const LiveQuestion& question) {
  acl::RequestFacts facts;
  facts.source = question.flow.peer.address;
  facts.listener = question.options.listeners[question.flow.listener].name;
  facts.transport = sbc::to_string(question.flow.transport);
  return question.policy->judge_source(facts).drops;
}

/// A packet that merely bears the address of a silenced source, or of one that is over its limit, goes no further.
std::optional<sbc::Explanation> ended_by_source(const LiveQuestion& question, const sbc::SourceFacts& facts) {
  const bool bypass = question.switches->bypass(DryRun::epoch);
  if (facts.device || bypass || !question.options.enforce || !sbc::is_datagram(question.flow.transport)) return std::nullopt;
  const acl::NetworkSet trusted(question.options.trusted);
  sbc::Explanation ended;
  ended.verdict = acl::Action::drop;
  ended.outcome = facts.ban && !facts.proven ? sbc::Outcome::silenced : sbc::Outcome::source_limit;
  const bool silenced = facts.ban && !facts.proven && !trusted.contains(question.flow.peer.address);
  return silenced || (facts.over_limit && !is_dropped_by_source(question)) ? std::optional(ended) : std::nullopt;
}

}  // namespace

std::variant<LiveQuestion, std::string> live_question(const ControlArguments& arguments, const sbc::EngineOptions& options) {
  LiveQuestion question;
  sbc::RequestSketch& sketch = question.sketch;
  const auto address = acl::Address::parse(text_in(arguments, "source"));
  const std::int64_t port = number_in(text_in(arguments, "port"));
  if (!address || port < 0 || port > UINT16_MAX) return std::string("source must be an address");
  sketch.source = {*address, static_cast<std::uint16_t>(port)};
  if (const std::string word = text_in(arguments, "transport"); !word.empty()) {
    sketch.transport = sbc::transport_of(word);
    if (!sketch.transport) return fmt::format("{} is no transport", word);
  }
  sketch.listener = text_in(arguments, "listener");
  if (const std::string method = text_in(arguments, "method"); !method.empty()) sketch.method = method;
  sketch.from = text_in(arguments, "from");
  sketch.to = text_in(arguments, "to");
  sketch.request_uri = text_in(arguments, "request_uri");
  sketch.user_agent = text_in(arguments, "user_agent");
  if (const std::string message = text_in(arguments, "message"); !message.empty()) {
    question.message = decoded(message);
    if (!question.message) return std::string("the message cannot be read");
  }
  const auto flow = sbc::flow_of(options, sketch);
  if (const auto* problem = std::get_if<std::string>(&flow)) return *problem;
  question.flow = std::get<sbc::Flow>(flow);
  question.options = options;
  return question;
}

ordered_json state_of(const sbc::SourceFacts& facts, const Clocks& clocks) {
  ordered_json state = ordered_json::array();
  const auto until = [&](acl::TimePoint time) {
    return time == acl::TimePoint::max() ? std::string("for ever") : "until " + time_text(time, clocks);
  };
  if (facts.ban)
    state.push_back(
        fmt::format("{} {} ({})", facts.proven ? "banned" : "silenced", until(facts.ban->until), sbc::word_of(facts.ban->cause)));
  for (const sbc::AccountBlock& block : facts.blocks)
    state.push_back(fmt::format("{} is blocked there {} ({})", block.account, until(block.until), sbc::word_of(block.cause)));
  if (facts.device) state.push_back(fmt::format("that very flow carries the live registration of {}", *facts.device));
  if (facts.devices > 0) state.push_back(fmt::format("{} registered from there", facts.devices));
  if (facts.known && facts.devices == 0) state.push_back("a device was accepted from there lately");
  if (facts.over_limit) state.push_back("over limits.per_source at this moment");
  if (state.empty()) state.push_back("nothing is known of this source");
  return state;
}

ordered_json answer_live(LiveQuestion question, const sbc::SourceFacts& facts, const Clocks& clocks) {
  ordered_json state = state_of(facts, clocks);
  if (!question.options.enforce) state.push_back("`enforce` is off: rules, jail and limits would only count it");
  if (question.switches->bypass(DryRun::epoch)) state.push_back(fmt::format("`postern bypass` is on: {}", bypass_meaning));
  if (question.switches->lockdown(DryRun::epoch)) state.push_back("`postern lockdown` is on");
  if (const auto ended = ended_by_source(question, facts)) {
    ordered_json json = to_json(*ended);
    json["state"] = std::move(state);
    return json;
  }
  std::string problem;
  if (!question.message) question.message = sbc::write_request(question.sketch, question.flow, problem);
  if (!question.message) return {{"error", problem}};
  // What its source may send at this moment has been looked at.
  DryRun engine(sbc::without_limits(std::move(question.options)), std::move(question.policy), {});
  engine.set_passes(std::move(question.passes));
  engine.set_switches(std::move(question.switches));
  engine.restore(durable_part(facts, clocks.steady));
  if (facts.device) engine.register_flow(question.flow, *facts.device, DryRun::epoch, std::chrono::hours{1});
  ordered_json json = to_json(engine.handle({*question.message, question.flow}, DryRun::epoch));
  json["state"] = std::move(state);
  return json;
}

}  // namespace postern::net
