// One connection of a peer: what all kinds have in common, that is its flow, its time limits and its end.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "acl/rate.hpp"
#include "sbc/flow.hpp"
#include "sbc/net/stream_counters.hpp"
#include "sbc/outcome.hpp"

namespace postern::net {

class Streams;

/// How long a connection may take for what.
struct StreamTimes {
  std::chrono::milliseconds handshake{5'000};
  std::chrono::milliseconds half_message{10'000};  ///< from its first octet to its last
  std::chrono::milliseconds idle{30'000};          ///< without a message that passes, and without a registration or a call
  std::chrono::milliseconds closing{2'000};        ///< to take our last answer
};

class StreamConnection : public std::enable_shared_from_this<StreamConnection> {
 public:
  /// Octets that wait for a peer that does not take them; all that goes to the PBX waits in one place.
  static constexpr std::size_t most_unsent_access = std::size_t{256} * 1024, most_unsent_core = std::size_t{4} << 20;
  /// Of one connection, before the others get their turn.
  static constexpr int messages_a_turn = 32;

  /// `streams` must outlive it, or abandon() it.
  StreamConnection(boost::asio::io_context& io, Streams& streams, const sbc::Flow& flow);
  virtual ~StreamConnection() = default;
  StreamConnection(const StreamConnection&) = delete;
  StreamConnection& operator=(const StreamConnection&) = delete;

  [[nodiscard]] const sbc::Flow& flow() const { return flow_; }
  /// Begins the handshake.
  void start();
  /// Takes a message on its way, or to its queue. Neither blocks nor calls back: what goes wrong ends the connection a turn later.
  void send(std::string_view message);
  /// Ends it now, once.
  void end(ConnectionEnd why);
  /// Ends it now, and nobody is told.
  void abandon();

 protected:
  using Executor = boost::asio::io_context::executor_type;
  using Timer = boost::asio::basic_waitable_timer<acl::Clock, boost::asio::wait_traits<acl::Clock>, Executor>;

  // What the kinds do.
  virtual void begin() = 0;
  virtual void write(std::string_view message) = 0;
  virtual void close_socket() = 0;
  /// Everything that had to be sent is on its way.
  [[nodiscard]] virtual bool all_sent() const = 0;
  /// A part of a message has come.
  [[nodiscard]] virtual bool inside_message() const = 0;

  // What they tell.
  void handshake_done();
  /// Hands one whole message to the engine; true: another may follow.
  bool deliver(std::string_view message);
  /// A half message was completed, or one has begun.
  void message_boundary();
  /// What was delivered in this turn takes effect.
  void turn_over();
  /// Nothing more is read; the end comes when all is sent, or soon.
  void close_when_sent(ConnectionEnd why);
  /// Called when something was sent.
  void sent();
  /// From within send(), where nothing may be called back.
  void end_later(ConnectionEnd why);
  // What is unread or unsent, in the pool that all connections of the access side share. The PBX's are outside of it: no stranger must be
  // able to have them cut off, and they are bounded by themselves.
  void reserve(std::size_t octets);
  void release(std::size_t octets);
  /// The pool is full (for whom no registration and no call needs: half full): whoever wants more is cut off.
  [[nodiscard]] bool over_pool() const;
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] std::size_t most_unsent() const { return flow_.side == sbc::Side::core ? most_unsent_core : most_unsent_access; }
  [[nodiscard]] bool closing() const { return closing_.has_value(); }
  [[nodiscard]] Streams& streams() { return streams_; }
  [[nodiscard]] boost::asio::io_context& io() { return io_; }

 private:
  [[nodiscard]] acl::TimePoint deadline() const;
  void arm_timer();
  void on_timer();

  boost::asio::io_context& io_;
  Streams& streams_;
  sbc::Flow flow_;
  Timer timer_;
  std::optional<acl::TimePoint> armed_;
  acl::TimePoint since_;                 ///< accepted; then: the last message that passed
  std::optional<acl::TimePoint> begun_;  ///< a message that has not ended
  acl::TimePoint closing_since_;
  std::optional<ConnectionEnd> closing_;
  bool shaking_hands_ = true;
  bool ended_ = false;
};

}  // namespace postern::net
