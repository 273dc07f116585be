// The operator's log: a line for each event, key=value or JSON, on stderr.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdio>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>

#include "sbc/event.hpp"
#include "sbc/net/options.hpp"

namespace postern::net {

/// As the log names it.
std::string_view word_of(sbc::EventKind kind);

/// `2026-01-01T12:00:00.000Z warning event=ban reason=rule_ban rule="builtin scanners" source=203.0.113.9:5060`, or the same as an object a
/// line. Values may come from the network: they are cut and escaped. A thread of its own writes, so that a stuck reader of stderr
/// never holds up the packets: then the oldest lines are lost and counted.
class Log final : public sbc::EventSink {
 public:
  struct Field {
    std::string_view key;    ///< our own word
    std::string_view value;  ///< a field without one is left out
    bool number = false;     ///< the value is a number of our own making, and stands so in JSON
  };

  explicit Log(const LogOptions& options, std::FILE* stream = stderr);
  /// Writes out what is queued.
  ~Log() override;
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// From the next line on. As all here, from any thread.
  void apply(const LogOptions& options);
  [[nodiscard]] bool enabled(LogLevel level) const { return level >= options_.load().level; }
  void write(LogLevel level, std::string_view event, std::span<const Field> fields);
  void write(LogLevel level, std::string_view event, std::initializer_list<Field> fields) {
    write(level, event, std::span(fields.begin(), fields.size()));
  }
  void on_event(const sbc::Event& event) override;
  /// Would it be written?
  [[nodiscard]] bool shows(const sbc::Event& event) const;

  [[nodiscard]] std::size_t lost_lines() const;

 private:
  struct Impl;
  std::atomic<LogOptions> options_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::net
