// A configuration as the shell takes it, at the start and at each reload.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "acl/options.hpp"
#include "acl/policy.hpp"
#include "sbc/net/dynamic_names.hpp"
#include "sbc/net/named_files.hpp"
#include "sbc/net/options.hpp"
#include "sbc/options.hpp"

namespace postern::net {

/// One thing that is wrong with a file, and where.
struct FileProblem {
  std::string file;
  int line = 1;    ///< 1-based
  int column = 1;  ///< 1-based
  std::string path;
  std::string message;
};

struct Configuration {
  ShellOptions shell;
  sbc::EngineOptions engine;
  acl::PolicyOptions rules;
  std::shared_ptr<const acl::Policy> policy;  ///< `rules` compiled; nullptr: there are errors
  std::string file;                           ///< its name
  std::string text;                           ///< of the file, as it was read
  NamedFiles files;                           ///< that it names, as they were then
  std::vector<FileProblem> errors;
  std::vector<FileProblem> warnings;
  /// Puts a place to what only shows when it is tried, such as a port that is taken. `key`: as StartError has it.
  std::function<FileProblem(const std::string& key, const std::string& message)> locate;
};

/// Reads it again. `text`: what the file said, to be taken for what it says now, nullptr: it is read. Called by a thread of its own, never
/// twice at a time.
using Loader = std::function<Configuration(const NameAnswers& answers, const std::string* text)>;

/// What differs, for the operator: `rules 12 -> 13 (+no messages), listeners +tls, log`; `nothing`. Bounded in length. Of a list, a
/// database or a certificate that was replaced it tells the name.
std::string changes(const Configuration& before, const Configuration& after);

}  // namespace postern::net
