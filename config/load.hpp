// An operator's YAML file -> option structs, or every error at once.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "acl/address.hpp"
#include "acl/options.hpp"
#include "sbc/net/options.hpp"
#include "sbc/options.hpp"

namespace postern::acl {
class Policy;
}

namespace postern::config {

enum class Severity : std::uint8_t { error, warning };

/// One thing that is wrong, and where. `path` reads as `rules[1].status`; `(yaml)` for a syntax error.
struct Problem {
  std::string file;
  int line = 1;    ///< 1-based
  int column = 1;  ///< 1-based
  std::string path;
  Severity severity = Severity::error;
  std::string message;  ///< without the word "warning:"

  /// "file:line:column: path: message", a warning's message beginning with "warning: ".
  [[nodiscard]] std::string to_string() const;
};

/// A verdict that `check` and each reload must find, and where it is demanded.
struct PolicyTest {
  std::string name;  ///< may be empty
  sbc::RequestSketch request;
  std::optional<acl::Action> verdict;  ///< nullopt: `status` is expected
  int status = 0;
  int line = 1, column = 1;
  std::string path;  ///< "policy_tests[3]"
};

/// What DNS names in `networks` stand for. One that is not there stands for nothing.
using NameAnswers = std::map<std::string, std::vector<acl::Address>>;

/// Everything that the file says, defaults filled in, names resolved, lists read.
struct Config {
  sbc::EngineOptions engine;
  acl::PolicyOptions policy;
  net::ShellOptions shell;
  std::vector<PolicyTest> policy_tests;
};

/// A setting as a file has it, or its default.
struct Setting {
  std::string value;
  int line = 1;    ///< 1-based; of a default the file's first
  int column = 1;  ///< 1-based
};
/// By path.
using Settings = std::map<std::string, Setting>;

/// Where the file says what only shows when it is tried: a port may be taken, an address out of reach.
struct Places {
  std::string file;
  Settings settings;  ///< `listeners[1]`, `listeners[1].tls.certificate`, `pbx.address`, `pbx.bind`, `admin`

  /// The error at that path's place.
  [[nodiscard]] Problem problem_at(const std::string& path, const std::string& message) const;
};

struct LoadResult {
  Config config;                              ///< usable only if ok()
  std::shared_ptr<const acl::Policy> policy;  ///< config.policy compiled, the databases opened
  std::vector<Problem> problems;              ///< in order of file, line, column
  Settings held;                              ///< what holds from the start on, whatever a reload says
  Places places;
  std::string text;  ///< of the file, as it was read

  /// No problem is an error.
  [[nodiscard]] bool ok() const { return policy != nullptr; }
};

/// Reads and checks a file and what it names (lists, databases, addresses). Never throws on bad input; ends within a bounded
/// time and memory on hostile YAML.
LoadResult load_file(const std::string& path, const NameAnswers& answers = {});
/// The same for text in memory; relative paths in it are relative to `directory`; `name` stands in the problems.
LoadResult load_text(std::string_view text, const std::string& name, const std::string& directory, const NameAnswers& answers = {});
/// Reads a file again for what runs since `held` was read. What is different there is an error, as only a restart takes it over. `text`:
/// what it said, to be taken for what it says now; nullptr: it is read.
LoadResult reload_file(const std::string& path, const Settings& held, const NameAnswers& answers = {}, const std::string* text = nullptr);

/// The array of `{"file", "line", "column", "path", "severity", "message"}` that `check --json` prints.
std::string to_json(const std::vector<Problem>& problems);

/// The commented file of all keys and defaults, the reference page in Markdown, and the same as man page postern.yaml(5), all made from the
/// schema table.
std::string default_file();
std::string reference_page();
std::string manual_page();

}  // namespace postern::config
