// Where something stands in the operator's file, and the problems found there.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.hpp"

namespace postern::config {

struct Position {
  int line = 1;    ///< 1-based
  int column = 1;  ///< 1-based, in bytes
};

/// A place and the path of the key that stands there.
struct Where {
  Position position;
  std::string path;
};

template <class T>
struct Located {
  T value{};
  Where at;
};

/// Collects problems about one file (and about the lists that it names). Bounded: once it is full, readers stop and the file is refused.
class Report {
 public:
  static constexpr std::size_t max_problems = 500;

  explicit Report(std::string file) : file_(std::move(file)) {}

  void error(const Where& at, std::string_view message) { add(file_, at, Severity::error, message); }
  void warning(const Where& at, std::string_view message) { add(file_, at, Severity::warning, message); }
  /// About another file, such as a list.
  void add(const std::string& file, const Where& at, Severity severity, std::string_view message);

  [[nodiscard]] const std::string& file() const { return file_; }
  /// No more fit in: to look for further ones is work for nothing.
  [[nodiscard]] bool full() const { return problems_.size() >= max_problems; }
  [[nodiscard]] bool has_errors() const { return errors_ > 0; }
  /// An error stands at the path or below it.
  [[nodiscard]] bool has_errors_at(std::string_view path) const;
  /// In order of file, line and column.
  [[nodiscard]] std::vector<Problem> take();

 private:
  std::string file_;
  std::vector<Problem> problems_;
  std::size_t errors_ = 0;
};

/// Control characters, and bytes that are no UTF-8, as \xNN: what an operator's terminal is safe to show.
std::string printable(std::string_view text);
/// In double quotes, printable, shortened if it is long.
std::string in_quotes(std::string_view text);

}  // namespace postern::config
