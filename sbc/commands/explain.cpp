#include "sbc/commands/explain.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <variant>
#include <vector>

#include "config/files.hpp"
#include "config/load.hpp"
#include "config/located.hpp"
#include "config/values.hpp"
#include "sbc/base64url.hpp"
#include "sbc/commands/daemon.hpp"
#include "sbc/commands/exit_status.hpp"
#include "sbc/commands/explain_capture.hpp"
#include "sbc/commands/explain_text.hpp"
#include "sbc/commands/problems.hpp"
#include "sbc/explain.hpp"
#include "sbc/net/explanation_json.hpp"
#include "sbc/net/travel_passes.hpp"
#include "sip/prescreen.hpp"

namespace postern::commands {
namespace {

constexpr const char* examples =
    "Examples:\n"
    "  postern explain -c FILE --source 203.0.113.7 --method REGISTER --from sip:1001@sip.example.com\n"
    "  postern explain -c FILE --source 203.0.113.7:5062 --user-agent friendly-scanner --registered --json\n"
    "  postern explain -c FILE --source 203.0.113.7 --transport udp --listener public --message invite.sip\n"
    "  postern explain -c FILE --live --source 203.0.113.7 --method REGISTER --from sip:1001@sip.example.com\n"
    "  postern explain -c FILE --pcap yesterday.pcap\n"
    "  postern explain -c FILE --pcap yesterday.pcap --compare new.yaml";

/// An option's value is one of that kind of the configuration.
CLI::Validator is(const config::Kind& kind) {
  return {[&kind](const std::string& text) {
            const config::Parsed parsed = kind.parse(text, {});
            return parsed.value ? std::string() : parsed.problem;
          },
          ""};
}

/// Nothing if it has an error, which is told.
std::optional<config::LoadResult> load(const std::string& file) {
  config::LoadResult loaded = config::load_file(file);
  if (loaded.ok()) return loaded;
  print_problems(loaded.problems);
  return std::nullopt;
}

/// The message's bytes as they are, or nothing, which is told.
std::optional<std::string> read_message(const std::string& path) {
  auto text = config::read_file(path, sip::Bounds::message);
  if (const auto* error = std::get_if<config::FileError>(&text)) {
    std::cerr << path << ": " << error->message << '\n';
    return std::nullopt;
  }
  std::string& bytes = std::get<std::string>(text);
  if (!bytes.empty() && bytes.find("\r\n") == std::string::npos)
    std::cerr << path << ": has no CRLF: SIP ends each line with one, and it is judged as it stands\n";
  return std::move(bytes);
}

/// Those of the daemon whose state folder that is; that they may not be read is told.
std::shared_ptr<const acl::TravelPasses> passes_of(const config::LoadResult& loaded) {
  const std::string& folder = loaded.config.shell.state;
  const std::string path = folder + "/passes";
  if (::access(path.c_str(), R_OK) != 0 && errno != ENOENT)
    std::cerr << fmt::format("{}: {}: judged as if no travel pass stood; explain it as Postern's own user, or as root\n",
                             config::printable(path), std::generic_category().message(errno));
  return net::TravelPassFile(folder).snapshot(sbc::DryRun::epoch);
}

std::string method_in(const std::string& message) {
  sip::RawMessage raw;
  sip::prescreen(message, raw);
  return std::string(raw.method_text);
}

}  // namespace

Explain::Explain(CLI::App& app, std::string& file)
    : command_(app.add_subcommand("explain", "Tell what becomes of a packet, and which rule says so")), file_(file) {
  command_->footer(examples);
  command_->add_option("-c,--config", file_, "the configuration")->capture_default_str();
  CLI::Option* source =
      command_->add_option("--source", source_, "where the packet comes from: IP or IP:PORT")->check(is(config::kinds::source));
  std::vector<CLI::Option*> of_a_packet{
      source, command_->add_option("--transport", transport_, "udp, tcp, tls, ws or wss")->check(is(config::kinds::transport)),
      command_->add_option("--listener", sketch_.listener, "the listener that it comes in on, by name")};
  std::vector<CLI::Option*> of_a_request{
      command_->add_option("--method", sketch_.method, "the request's method")->check(is(config::kinds::method))->capture_default_str(),
      command_->add_option("--from", sketch_.from, "the URI of From"), command_->add_option("--to", sketch_.to, "the URI of To"),
      command_->add_option("--request-uri", sketch_.request_uri, "the Request-URI (default: that of To, in a REGISTER without its user)"),
      command_->add_option("--user-agent", sketch_.user_agent, "the text of User-Agent")};
  CLI::Option* registered = command_->add_flag("--registered", sketch_.registered, "its flow carries a live registration");
  CLI::Option* message = command_->add_option("--message", message_, "a file with the packet's bytes, instead of what describes it");
  CLI::Option* pcap = command_->add_option("--pcap", pcap_, "a capture: a verdict for each packet, and a summary for each rule");
  CLI::Option* compare = command_->add_option("--compare", other_, "another configuration: tell only what it would change");
  command_->add_flag("--json", json_, "print JSON");
  CLI::Option* live =
      command_->add_flag("--live", live_, "by what the running daemon knows: its bans, blocks, registrations and what is switched");
  live->needs(source)->excludes(pcap)->excludes(registered)->excludes(compare);
  message->needs(source);
  registered->needs(source);
  for (CLI::Option* option : of_a_request) option->needs(source)->excludes(message)->excludes(pcap);
  for (CLI::Option* option : of_a_packet) option->excludes(pcap);
  message->excludes(pcap);
}

int Explain::usage(const std::string& problem) {
  std::cerr << "postern explain: " << config::printable(problem) << '\n';
  return exit_usage;
}

int Explain::run() {
  if (!pcap_.empty()) return capture();
  if (source_.empty()) return usage("say where the packet comes from with --source IP, or name a capture with --pcap FILE");
  sketch_.source = std::get<sbc::Endpoint>(*config::kinds::source.parse(source_, {}).value);
  if (!transport_.empty()) sketch_.transport = sbc::transport_of(transport_);
  return live_ ? live() : one_packet();
}

int Explain::live() {
  std::map<std::string, std::string> texts{{"source", sketch_.source.address.to_string()},
                                           {"port", std::to_string(sketch_.source.port)},
                                           {"transport", transport_},
                                           {"listener", sketch_.listener},
                                           {"method", sketch_.method},
                                           {"from", sketch_.from},
                                           {"to", sketch_.to},
                                           {"request_uri", sketch_.request_uri},
                                           {"user_agent", sketch_.user_agent}};
  if (!message_.empty()) {
    const auto message = read_message(message_);
    if (!message) return exit_failed;
    sbc::append_base64url(texts["message"], {reinterpret_cast<const std::uint8_t*>(message->data()), message->size()});
  }
  const auto answer = ask(file_, "explain", texts);
  if (const int* status = std::get_if<int>(&answer)) return *status;
  const auto& explanation = std::get<nlohmann::ordered_json>(answer);
  std::cout << (json_ ? dump(explanation) + "\n" : in_full(explanation));
  return exit_good;
}

int Explain::one_packet() {
  const auto loaded = load(file_);
  std::optional<config::LoadResult> other;
  if (!other_.empty()) other = load(other_);
  if (!loaded || (!other_.empty() && !other)) return exit_failed;
  std::optional<std::string> message;
  if (!message_.empty()) {
    message = read_message(message_);
    if (!message) return exit_failed;
  }

  const auto before = sbc::explain(loaded->config.engine, loaded->policy, sketch_, message, passes_of(*loaded));
  if (const auto* problem = std::get_if<std::string>(&before)) return usage(*problem);
  const auto& explanation = std::get<sbc::Explanation>(before);
  if (!other) {
    std::cout << (json_ ? dump(net::to_json(explanation)) + "\n" : in_full(net::to_json(explanation)));
    return exit_good;
  }
  const auto after = sbc::explain(other->config.engine, other->policy, sketch_, message, passes_of(*other));
  if (const auto* problem = std::get_if<std::string>(&after)) return usage(other_ + ": " + *problem);
  sbc::Endpoint source = sketch_.source;
  if (source.port == 0) source.port = sbc::default_sip_port;
  ChangeWriter changes(json_);
  changes.write({1, source, message ? method_in(*message) : sketch_.method}, explanation, std::get<sbc::Explanation>(after));
  changes.finish();
  return exit_good;
}

int Explain::capture() {
  const auto loaded = load(file_);
  if (!loaded) return exit_failed;
  const Judging before{*loaded, passes_of(*loaded)};
  if (other_.empty()) return explain_capture(before, pcap_, json_) ? exit_good : exit_failed;
  const auto other = load(other_);
  return other && compare_capture(before, {*other, passes_of(*other)}, pcap_, json_) ? exit_good : exit_failed;
}

}  // namespace postern::commands
