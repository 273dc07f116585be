// What the control socket is asked for, and who answers.
#include <nlohmann/json.hpp>

#include "sbc/net/live_explanation.hpp"
#include "sbc/net/shell_impl.hpp"
#include "sbc/net/top_answer.hpp"
#include "sbc/net/worker_facts.hpp"

namespace postern::net {

using nlohmann::ordered_json;

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
             ask_facts(workers, current->policy, [this, answer](const WorkerFacts& facts) {
               answer(whole_answer(top_json(facts, {time_text(seconds_now()), uptime(), warnings()})));
             });
           }},
          {"explain", [this](const Arguments& arguments, const Answer& answer) { explain_live(arguments, answer); }},
          {"why", [this](const Arguments& arguments, const Answer& answer) { tell_why(arguments, answer); }},
          {"reload",
           [this](const Arguments& arguments, const Answer& answer) {
             if (requests.add(arguments, answer)) reloads.request(Reloads::What::file);
           }},
          {"confirm", at_once([this](const Arguments&) {
             log.write(LogLevel::info, "reload", {{"result", "confirmed"}});
             return requests.confirm();
           })},
          {"bypass", at_once([this](const Arguments& arguments) { return with_switches("bypass", switches.set_bypass(arguments)); })},
          {"lockdown", at_once([this](const Arguments& arguments) { return with_switches("lockdown", switches.set_lockdown(arguments)); })},
          {"block", at_once([this](const Arguments& arguments) { return with_switches("block", switches.set_block(arguments)); })}};
}

/// The engines take them over.
AnswerPart Shell::Impl::with_passes(AnswerPart answer) {
  workers.set_passes(passes.snapshot(acl::Clock::now()));
  return answer;
}

AnswerPart Shell::Impl::with_switches(std::string_view what, AnswerPart answer) {
  apply_switches();
  const std::string stands = switches.json().dump();
  log.write(LogLevel::warning, "switch", {{"what", what}, {"stands", stands}});
  return answer;
}

/// Whenever one of them begins or ends.
void Shell::Impl::apply_switches() {
  workers.set_switches(switches.snapshot(acl::Clock::now()));
  apply_kernel();
  const auto end = switches.next_end();
  if (!end) return;
  switches_timer.expires_after(*end + std::chrono::seconds{1});
  switches_timer.async_wait([this](error_code error) {
    if (error) return;
    apply_switches();
    const std::string stands = switches.json().dump();
    log.write(LogLevel::info, "switch", {{"what", "ended"}, {"stands", stands}});
  });
}

double Shell::Impl::uptime() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count(); }

/// What an operator has to know before all else.
std::vector<std::string> Shell::Impl::warnings() const {
  std::vector<std::string> all;
  const ordered_json stands = switches.json();
  const auto tell = [&](const char* key, const std::string& meaning) {
    if (!stands[key].is_null()) all.push_back(fmt::format("{} until {}: {}", key, stands[key].get<std::string>(), meaning));
  };
  tell("bypass", "everything is forwarded but what comes to traps, and nobody is banned (postern bypass --off)");
  tell("lockdown", "only registered phones, trusted networks and trunks are served (postern lockdown --off)");
  for (const ordered_json& block : stands["blocks"]) {
    all.push_back(fmt::format("{} is blocked{} until {} (postern block {} --off)", block["device"].get<std::string>(),
                              block["outgoing"].get<bool>() ? " for what it calls" : "", block["until"].get<std::string>(),
                              block["device"].get<std::string>()));
  }
  if (!current->engine.enforce) all.emplace_back("enforce is off: rules, jail and limits only count what they would do");
  for (const std::string& path : files_replaced) all.push_back(fmt::format("{} was replaced and is not in use yet: postern reload", path));
  if (const auto due = requests.confirmation_due())
    all.push_back(fmt::format("the configuration goes back to what it was at {} unless `postern confirm` follows", time_text(*due)));
  return all;
}

void Shell::Impl::tell_status(const Answer& answer) {
  ask_facts(workers, nullptr, [this, answer](const WorkerFacts& facts) {
    ordered_json listeners = ordered_json::array(), pbx = ordered_json::array();
    for (const sbc::ListenerOptions& listener : workers.first().options().listeners) {
      if (listener.open)
        listeners.push_back({{"name", listener.name},
                             {"address", fmt::format("{}://{}", sbc::to_string(listener.transport), listener.bind.to_string())},
                             {"trap", listener.trap}});
    }
    for (const sbc::PbxUp& address : facts.engine.pbx_up) pbx.push_back({{"address", address.address}, {"up", address.up}});
    const ordered_json json{{"version", version().number},
                            {"uptime_s", static_cast<std::int64_t>(uptime())},
                            {"config", {{"file", current->file}, {"reloads", reloads_applied}, {"refused_reloads", reloads_refused}}},
                            {"listeners", listeners},
                            {"pbx", pbx},
                            {"core", workers.first().core().to_string()},
                            {"registrations", facts.gauges.registrations},
                            {"calls", facts.gauges.calls},
                            {"bans", facts.gauges.bans_active},
                            {"blocks", facts.gauges.blocks_active},
                            {"workers", workers.size()},
                            {"durable", store.durable()},
                            {"enforce", current->engine.enforce},
                            {"switches", switches.json()},
                            {"warnings", warnings()}};
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
  with_facts(flow, [answer, json = std::move(found->json)](const sbc::SourceFacts& facts) mutable {
    json["state"] = state_of(facts, Clocks::read());
    answer(whole_answer(json.dump(-1, ' ', true, ordered_json::error_handler_t::replace)));
  });
}

/// What the worker that serves it knows of a source. `done` is called on the main thread.
void Shell::Impl::with_facts(const sbc::Flow& flow, std::function<void(const sbc::SourceFacts&)> done) {
  const auto facts = std::make_shared<sbc::SourceFacts>();
  const auto look = [flow, facts](Worker& worker) {
    if (worker.engine().serves(flow.peer.address)) *facts = worker.engine().facts_of(flow, acl::Clock::now());
  };
  for (std::size_t i = 0; i < workers.size(); ++i) {
    if (!workers.look_at(i, look)) break;
  }
  done(*facts);
}

void Shell::Impl::explain_live(const ControlArguments& arguments, const Answer& answer) {
  auto asked = live_question(arguments, workers.first().options());
  if (const auto* problem = std::get_if<std::string>(&asked)) return answer(refusal(*problem));
  auto question = std::make_shared<LiveQuestion>(std::get<LiveQuestion>(std::move(asked)));
  question->policy = current->policy;
  question->passes = passes.snapshot(sbc::DryRun::epoch);
  question->switches = switches.snapshot(sbc::DryRun::epoch);
  with_facts(question->flow, [this, question, answer](const sbc::SourceFacts& facts) {
    // Where configurations are compiled: no packet waits for it.
    reloads.aside([this, question, answer, facts, clocks = Clocks::read()] {
      const ordered_json json = answer_live(std::move(*question), facts, clocks);
      asio::post(io, [answer, text = json.dump(-1, ' ', true, ordered_json::error_handler_t::replace)] { answer(whole_answer(text)); });
    });
  });
}

}  // namespace postern::net
