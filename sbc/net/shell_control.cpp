// What the control socket is asked for, and who answers.
#include <algorithm>
#include <exception>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <variant>

#include "sbc/net/live_explanation.hpp"
#include "sbc/net/shell_impl.hpp"
#include "sbc/net/top_answer.hpp"
#include "sbc/net/warnings.hpp"

namespace postern::net {

using nlohmann::ordered_json;

namespace {

constexpr const char* owner_is_stuck = "the worker that serves this source does not answer: what stands about it is not known";

}  // namespace

ControlCommands Shell::Impl::control_commands() {
  const LookAtEngine engines = [this](std::size_t index, const std::function<void(sbc::Engine&)>& look) {
    return workers.look_at(index, [&look](Worker& worker) { look(worker.engine()); });
  };
  using Arguments = ControlArguments;
  return {{"registrations", at_once([this, engines](const Arguments&) {
             return registrations_answer(engines, [this](const acl::Address& address) { return current->policy->geo().country(address); });
           })},
          {"calls", at_once([engines](const Arguments&) { return calls_answer(engines); })},
          {"allow list", at_once([this](const Arguments&) { return passes.list(); })},
          {"allow add", at_once([this](const Arguments& arguments) { return with_passes(passes.add(arguments)); })},
          {"allow remove", at_once([this](const Arguments& arguments) { return with_passes(passes.remove(arguments)); })},
          {"bans list", at_once([engines](const Arguments&) { return bans_answer(engines); })},
          {"bans add", at_once([engines](const Arguments& arguments) { return ban_answer(engines, arguments); })},
          {"bans remove", at_once([engines](const Arguments& arguments) { return pardon_answer(engines, arguments); })},
          {"bans clear", at_once([engines](const Arguments&) { return pardon_all_answer(engines); })},
          {"audit", at_once([this, engines](const Arguments&) { return audit_answer(engines, workers.shared()); })},
          {"alerts test", [this](const Arguments&, const Answer& answer) { alerts.test(answer); }},
          {"status", [this](const Arguments&, const Answer& answer) { tell_status(answer); }},
          {"top",
           [this](const Arguments&, const Answer& answer) {
             facts_of_workers.ask(current->policy, [this, answer](const WorkerFacts& facts) {
               answer(whole_answer(top_json(facts, {time_text(seconds_now()), uptime(), warnings(facts)})));
             });
           }},
          {"explain", [this](const Arguments& arguments, const Answer& answer) { explain_live(arguments, answer); }},
          {"why", [this](const Arguments& arguments, const Answer& answer) { tell_why(arguments, answer); }},
          {"reload",
           [this](const Arguments& arguments, const Answer& answer) {
             if (requests.add(arguments, answer)) reloads.request(Reloads::What::file);
           }},
          {"confirm", at_once([this](const Arguments&) {
             if (!requests.confirm()) return refusal("nothing waits to be confirmed");
             log.write(LogLevel::info, "reload", {{"result", "confirmed"}});
             return whole_answer(R"({"result":"confirmed"})");
           })},
          {"bypass",
           [this](const Arguments& arguments, const Answer& answer) {
             end_switches();
             take_switch(switches.set_bypass(arguments), answer);
           }},
          {"lockdown",
           [this](const Arguments& arguments, const Answer& answer) {
             end_switches();
             take_switch(switches.set_lockdown(arguments), answer);
           }},
          {"block", [this](const Arguments& arguments, const Answer& answer) {
             end_switches();
             take_switch(switches.set_block(arguments), answer);
           }}};
}

/// The engines take them over.
AnswerPart Shell::Impl::with_passes(AnswerPart answer) {
  workers.set_passes(passes.snapshot(acl::Clock::now()));
  return answer;
}

/// An emergency does not wait for a disk: the engines hear of it first.
void Shell::Impl::take_switch(const SwitchFile::Result& result, const Answer& answer) {
  if (const auto* problem = std::get_if<std::string>(&result)) return answer(refusal(*problem));
  for (const SwitchFile::Change& change : std::get<SwitchFile::Changes>(result)) log_switch(LogLevel::warning, change.what, change);
  apply_switches();
  answer_aside(answer, [stands = switches.json(), folder = folder.path(), text = switches.text()]() mutable {
    if (const std::string problem = SwitchFile::write(folder, text); !problem.empty()) stands["warning"] = problem;
    return stands.dump();
  });
}

void Shell::Impl::log_switch(LogLevel level, std::string_view what, const SwitchFile::Change& change) {
  const bool by_itself = what != change.what;
  const std::string until = change.until != 0 ? time_text(change.until) : by_itself ? "" : "off";
  log.write(level, "switch",
            {{"what", what}, {"of", by_itself ? change.what : std::string_view()}, {"device", change.device}, {"until", until}});
}

/// Those whose time is over.
void Shell::Impl::end_switches() {
  for (const SwitchFile::Change& change : switches.take_ended()) log_switch(LogLevel::info, "ended", change);
}

/// Whenever one of them begins or ends.
void Shell::Impl::apply_switches() {
  workers.set_switches(switches.snapshot(acl::Clock::now()));
  apply_kernel();
  switches_timer.cancel();
  const auto end = switches.next_end();
  if (!end) return;
  switches_timer.expires_after(*end + std::chrono::seconds{1});
  switches_timer.async_wait([this](error_code error) {
    if (error) return;
    end_switches();
    apply_switches();
  });
}

/// `work` makes the answer where configurations are compiled: no packet waits for it. The client is the main thread's: it ends there.
void Shell::Impl::answer_aside(const Answer& answer, std::function<std::string()> work) {
  // captured as it is, `answer` would be const there, and not moved
  reloads.aside([this, answer = Answer(answer), work = std::move(work)]() mutable {
    AnswerPart part;
    try {
      part = whole_answer(work());
    } catch (const std::exception& error) {  // no memory, say
      part = refusal(error.what());
    }
    asio::post(io, [answer = std::move(answer), part = std::move(part)]() mutable { answer(std::move(part)); });
  });
}

double Shell::Impl::uptime() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count(); }

/// What an operator has to know before all else.
std::vector<std::string> Shell::Impl::warnings(const WorkerFacts& facts) const {
  std::vector<std::string> all = switch_warnings(switches.json());
  if (!current->engine.enforce) all.emplace_back("enforce is off: rules, jail and limits only count what they would do");
  std::ranges::move(state_warnings(facts), std::back_inserter(all));
  for (const std::string& path : files_replaced) all.push_back(fmt::format("{} was replaced and is not in use yet: postern reload", path));
  if (!file_not_in_use.empty()) all.push_back(file_not_in_use);
  if (const std::string waits = requests.warning(); !waits.empty()) all.push_back(waits);
  return all;
}

void Shell::Impl::tell_status(const Answer& answer) {
  facts_of_workers.ask(nullptr, [this, answer](const WorkerFacts& facts) {
    ordered_json listeners = ordered_json::array(), core = ordered_json::array();
    for (const sbc::ListenerOptions& listener : workers.first().options().listeners) {
      if (listener.open)
        listeners.push_back({{"name", listener.name},
                             {"address", fmt::format("{}://{}", sbc::to_string(listener.transport), listener.bind.to_string())},
                             {"trap", listener.trap}});
    }
    for (const sbc::Endpoint& address : workers.core()) core.push_back(address.to_string());
    const ordered_json json{{"version", version().number},
                            {"uptime_s", static_cast<std::int64_t>(uptime())},
                            {"config", {{"file", current->file}, {"reloads", reloads_applied}, {"refused_reloads", reloads_refused}}},
                            {"listeners", listeners},
                            {"pbx", pbx_json(facts.engine.pbx_up)},
                            {"core", core},
                            {"registrations", facts.gauges.registrations},
                            {"calls", facts.gauges.calls},
                            {"bans", facts.gauges.bans_active},
                            {"blocks", facts.gauges.blocks_active},
                            {"workers", workers.size()},
                            {"durable", store.durable()},
                            {"enforce", current->engine.enforce},
                            {"switches", switches.json()},
                            {"warnings", warnings(facts)}};
    answer(whole_answer(json.dump(-1, ' ', true, ordered_json::error_handler_t::replace)));
  });
}

/// What was refused under an id, and what stands about its source now.
void Shell::Impl::tell_why(const ControlArguments& arguments, const Answer& answer) {
  std::string problem;
  auto found = refusals.find(text_in(arguments, "id"), problem);
  if (!found) return answer(refusal(problem));
  sbc::Flow flow;
  flow.peer = found->source;
  with_facts(flow, [answer, json = std::move(found->json)](const std::optional<sbc::SourceFacts>& facts) mutable {
    json["state"] = facts ? state_of(*facts, Clocks::read()) : ordered_json::array({owner_is_stuck});
    answer(whole_answer(json.dump(-1, ' ', true, ordered_json::error_handler_t::replace)));
  });
}

/// What the worker that serves it knows of a source; nullopt: it does not answer. `done` is called on the main thread.
void Shell::Impl::with_facts(const sbc::Flow& flow, std::function<void(const std::optional<sbc::SourceFacts>&)> done) {
  const auto facts = std::make_shared<std::optional<sbc::SourceFacts>>();
  const auto look = [flow, facts](Worker& worker) {
    if (worker.engine().serves(flow.peer.address)) *facts = worker.engine().facts_of(flow, acl::Clock::now());
  };
  workers.ask(look, [facts, done = std::move(done)](const std::vector<std::size_t>&) { done(*facts); });
}

void Shell::Impl::explain_live(const ControlArguments& arguments, const Answer& answer) {
  auto asked = live_question(arguments, workers.first().options());
  if (const auto* problem = std::get_if<std::string>(&asked)) return answer(refusal(*problem));
  auto question = std::make_shared<LiveQuestion>(std::get<LiveQuestion>(std::move(asked)));
  question->policy = current->policy;
  question->passes = passes.snapshot(sbc::DryRun::epoch);
  question->switches = switches.snapshot(sbc::DryRun::epoch);
  with_facts(question->flow, [this, question, answer](const std::optional<sbc::SourceFacts>& facts) {
    if (!facts) return answer(refusal(owner_is_stuck));
    answer_aside(answer, [question, facts = *facts, clocks = Clocks::read()] {
      return answer_live(std::move(*question), facts, clocks).dump(-1, ' ', true, ordered_json::error_handler_t::replace);
    });
  });
}

}  // namespace postern::net
