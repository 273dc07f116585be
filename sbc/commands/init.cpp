#include "sbc/commands/init.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iostream>
#include <optional>
#include <sstream>
#include <system_error>

#include "config/located.hpp"
#include "sbc/commands/dial_plans.hpp"
#include "sbc/commands/exit_status.hpp"
#include "sbc/commands/written_file.hpp"

namespace postern::commands {
namespace {

constexpr const char* encrypted_listener = "tls://0.0.0.0:5061";

int refuse(const std::string& why, int status) {
  std::cerr << "postern init: " << why << '\n';
  return status;
}

/// What is wrong with one answer; empty: nothing.
std::string problem_of(const config::Kind& kind, const std::string& text) {
  if (config::printable(text) != text) return "has a character that cannot be printed: " + config::in_quotes(text);
  const config::Parsed parsed = kind.parse(text, {});
  if (!parsed.value) return parsed.problem;
  // `private` and `unknown` are for rules.
  if (&kind == &config::kinds::country && text.size() != 2) return "must be a country's two letters, such as US";
  return {};
}

std::vector<std::string> words_of(const std::string& line) {
  std::string blanks = line;
  std::ranges::replace(blanks, ',', ' ');
  std::istringstream in(blanks);
  return {std::istream_iterator<std::string>(in), {}};
}

std::string trimmed(const std::string& line) {
  const std::size_t begin = line.find_first_not_of(" \t\r");
  return begin == std::string::npos ? std::string() : line.substr(begin, line.find_last_not_of(" \t\r") - begin + 1);
}

std::string first_of(const std::vector<std::string>& answers) { return answers.empty() ? std::string() : answers.front(); }

/// Paths in the file are relative to it, those of an option to where it is typed.
std::string absolute_path(const std::vector<std::string>& answers) {
  return answers.empty() ? std::string() : std::filesystem::absolute(answers.front()).lexically_normal().string();
}

}  // namespace

Init::Init(CLI::App& app, std::string& file)
    : file_(file), command_(app.add_subcommand("init", "Write a commented first configuration, with the numbers of your country")) {
  command_->add_option("-c,--config", file_, "the file to write")->capture_default_str();
  add_question("--pbx", pbx_, "the PBX as this host reaches it, such as udp://10.0.0.5:15060",
               {.kind = &config::kinds::pbx_address, .text = "The PBX, as this host reaches it (udp://ADDRESS:PORT)", .required = true});
  add_question(
      "--listen", listeners_, "where phones are heard (default: udp://0.0.0.0:5060, and tls://0.0.0.0:5061 with a certificate)",
      {.kind = &config::kinds::listener_address, .text = "Where phones are heard", .standard = {"udp://0.0.0.0:5060"}, .single = false});
  add_question("--country", country_, "the country's two letters: its emergency numbers and classes of numbers",
               {.kind = &config::kinds::country, .text = "Your country's two letters, for emergency numbers and classes"});
  add_question("--office", offices_, "networks of your own, which are trusted",
               {.kind = &config::kinds::network, .text = "Networks of your own (203.0.113.0/24), which are trusted", .single = false});
  add_question("--geo", geo_, "a country database (.mmdb): phones register and call from the country alone",
               {.kind = &config::kinds::path, .text = "A country database (.mmdb), to let phones in from your country alone"});
  add_question("--tls-certificate", certificate_, "the certificate of encrypted listeners, with its chain (PEM)",
               {.kind = &config::kinds::path, .text = "A certificate for TLS, with its chain (PEM)"});
  add_question("--tls-key", private_key_, "its private key (PEM)",
               {.kind = &config::kinds::path, .text = "Its private key (PEM)", .applies = &Init::has_certificate, .required = true});
  add_question("--advertise", advertise_, "HOST or HOST:PORT that phones come back to: the name in the certificate, or a router's address",
               {.kind = &config::kinds::host_port,
                .text = "The name in the certificate, which phones have as their server",
                .applies = &Init::has_certificate});
  command_->add_flag("--force", force_, "replace the file if there is one");
  command_->add_flag("--print", print_, "print it and write nothing");
  command_->footer(
      "Examples:\n  postern init\n  postern init --pbx udp://10.0.0.5:15060 --country US --office 203.0.113.0/24\n"
      "  postern init --pbx udp://10.0.0.5:15060 --country DE --tls-certificate fullchain.pem --tls-key privkey.pem "
      "--advertise sbc.example.com --print\n\n"
      "A terminal is asked for what the options leave out. The file is then checked as `postern check` does it.\n\n"
      "Exit status: 0, 1 not written or not good, 2 an answer is missing or wrong.");
}

void Init::add_question(const std::string& option, std::vector<std::string>& answers, const std::string& description, Question question) {
  question.option = command_->add_option(option, answers, description);
  if (question.single) question.option->expected(1);
  question.answers = &answers;
  questions_.push_back(std::move(question));
}

int Init::run(const std::function<int()>& check) {
  if (!print_ && !force_ && ::access(file_.c_str(), F_OK) == 0)
    return refuse(fmt::format("{} is there already: --force replaces it, --print shows what would be written", config::printable(file_)),
                  exit_failed);
  const bool terminal = ::isatty(STDIN_FILENO) == 1;
  for (const Question& question : questions_) {
    if (!answer(question, terminal)) return exit_usage;
  }
  if (!fits_together()) return exit_usage;
  const FirstFileAnswers all = answers();
  if (dial_plan_of(all.country).country.empty())
    std::cerr << fmt::format(
        "postern init: {}; `calls` holds what is the same in most countries, and numbers of yours that are dialled with + count as "
        "international: correct the classes\n",
        all.country.empty() ? "no country is named" : "the numbers of " + all.country + " are not known here");
  const std::string text = first_file(all);
  if (print_) {
    std::cout << text;
    return exit_good;
  }
  const WrittenFile written = write_file_of_service(file_, text, force_);
  if (!written.problem.empty()) return refuse(written.problem, exit_failed);
  std::cerr << fmt::format("{}: written, {}\n", config::printable(file_), written.readers);
  return check();
}

bool Init::answer(const Question& question, bool terminal) {
  if (question.option->count() > 0) {
    for (const std::string& text : *question.answers) {
      const std::string problem = problem_of(*question.kind, text);
      if (problem.empty()) continue;
      refuse(fmt::format("{} {}", question.option->get_name(), problem), exit_usage);
      return false;
    }
    return true;
  }
  if (question.applies != nullptr && !(this->*question.applies)()) return true;
  if (terminal) return ask(question);
  if (question.required) {
    refuse(fmt::format("{} is missing: {}", question.option->get_name(), question.option->get_description()), exit_usage);
    return false;
  }
  *question.answers = question.standard;
  return true;
}

bool Init::ask(const Question& question) {
  while (true) {
    const std::string shown = question.required ? "" : question.standard.empty() ? " [none]" : " [" + question.standard.front() + "]";
    std::cerr << question.text << shown << ": " << std::flush;
    std::string line;
    if (!std::getline(std::cin, line)) {
      std::cerr << '\n';
      refuse("the answers ended before all was asked: nothing is written", exit_usage);
      return false;
    }
    line = trimmed(line);
    if (line.empty() && question.required) continue;
    *question.answers = line.empty() ? question.standard : question.single ? std::vector{line} : words_of(line);
    std::string problem;
    for (const std::string& text : *question.answers) {
      if (problem.empty()) problem = problem_of(*question.kind, text);
    }
    if (problem.empty()) return true;
    std::cerr << "  " << problem << '\n';
  }
}

/// What no single answer tells.
bool Init::fits_together() {
  const bool encrypted = std::ranges::any_of(listeners_, is_encrypted);
  if (certificate_.empty() != private_key_.empty() || (encrypted && certificate_.empty())) {
    refuse("a listener of TLS needs --tls-certificate and --tls-key", exit_usage);
    return false;
  }
  if (!certificate_.empty() && !encrypted) listeners_.emplace_back(encrypted_listener);
  const FirstFileAnswers all = answers();
  const bool lost = !all.advertise.empty() &&
                    std::ranges::all_of(all.listeners, [&](const std::string& listener) { return advertise_of(all, listener).empty(); });
  if (lost) refuse(fmt::format("--advertise {}: no listener has that port", all.advertise), exit_usage);
  return !lost;
}

FirstFileAnswers Init::answers() const {
  std::string country = first_of(country_);
  std::ranges::transform(country, country.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return {.pbx = first_of(pbx_),
          .listeners = listeners_,
          .country = country,
          .offices = offices_,
          .geo = absolute_path(geo_),
          .certificate = absolute_path(certificate_),
          .private_key = absolute_path(private_key_),
          .advertise = first_of(advertise_)};
}

}  // namespace postern::commands
