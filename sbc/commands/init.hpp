// `postern init`: a first configuration, from options and answers.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "config/values.hpp"
#include "sbc/commands/first_file.hpp"

namespace postern::commands {

class Init {
 public:
  /// Adds the command and its options; `file` (the configuration's name) and `app` must outlive it.
  Init(CLI::App& app, std::string& file);

  [[nodiscard]] bool parsed() const { return command_->parsed(); }
  /// `check` is asked about the file once it is written, and its exit status is the result; else 0 printed, 1 not written, 2 an answer is
  /// missing or wrong.
  int run(const std::function<int()>& check);

 private:
  /// One thing to know: what options leave out a terminal is asked for, and else has its default.
  struct Question {
    CLI::Option* option = nullptr;
    std::vector<std::string>* answers = nullptr;
    const config::Kind* kind = nullptr;  ///< of each answer
    std::string text{};
    std::vector<std::string> standard{};      ///< without an answer
    bool (Init::*applies)() const = nullptr;  ///< nullptr: always
    bool single = true;
    bool required = false;
  };

  void add_question(const std::string& option, std::vector<std::string>& answers, const std::string& description, Question question);
  /// False: told.
  bool answer(const Question& question, bool terminal);
  bool ask(const Question& question);
  bool fits_together();
  [[nodiscard]] bool has_certificate() const { return !certificate_.empty(); }
  [[nodiscard]] FirstFileAnswers answers() const;

  std::string& file_;
  CLI::App* command_;
  std::vector<Question> questions_;
  std::vector<std::string> pbx_, listeners_, country_, offices_, geo_, certificate_, private_key_, advertise_;
  bool force_ = false, print_ = false;
};

}  // namespace postern::commands
