// The control socket: where the operator's commands ask the running daemon.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "sbc/net/log.hpp"
#include "sbc/net/options.hpp"

namespace postern::net {

/// Appends the next part of an answer, a bounded amount of work. False: that was the last.
using AnswerPart = std::function<bool(std::string& out)>;
/// What a request says beside its command, by name; what is no text there is left out.
using ControlArguments = std::map<std::string, std::string, std::less<>>;
/// Takes the answer, once: at once or later, on the io_context's thread.
using Answer = std::function<void(AnswerPart)>;
/// Does what is asked for, and begins an answer.
using ControlCommand = std::function<void(const ControlArguments& arguments, Answer answer)>;
/// What is asked for, by its word.
using ControlCommands = std::map<std::string, ControlCommand, std::less<>>;
/// One that answers at once; `make` makes the answer of the arguments.
template <class Make>
ControlCommand at_once(Make make) {
  return [make = std::move(make)](const ControlArguments& arguments, const Answer& answer) { answer(make(arguments)); };
}
/// An answer in one part.
AnswerPart whole_answer(std::string json);
/// `{"error": why}`.
AnswerPart refusal(std::string_view why);

/// A request is a line such as `{"command": "bans remove", "address": "192.0.2.9"}`; the answer is one JSON document, of a refusal
/// `{"error": "..."}`, and then the connection ends. Answers are made part by part as the client takes them, so that no packet waits for a
/// long one. Everything runs on the io_context's thread. Who may connect is who may write to the socket: its mode is 0660.
class Control {
 public:
  static constexpr std::size_t max_clients = 8;            ///< one more is told so and closed
  static constexpr std::size_t max_request = 131'072;      ///< bytes: a datagram may be in it, in base64
  static constexpr std::chrono::seconds timeout{2};        ///< for a request to arrive, and for each part of an answer to be taken
  static constexpr std::chrono::seconds longest_work{50};  ///< for an answer that comes later

  /// Listens at once. Without a socket (no folder, no rights) all else works, so that is a warning in the log. Throws StartError if another
  /// daemon listens there and the operator has written the path. `io` and `log` must outlive it.
  Control(boost::asio::io_context& io, const ControlOptions& options, ControlCommands commands, Log& log);
  /// Takes the socket away; connections end.
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  [[nodiscard]] bool listens() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace postern::net
