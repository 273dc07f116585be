// The stream listeners of a worker and their connections.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "acl/address.hpp"
#include "acl/file_descriptor.hpp"
#include "sbc/flow.hpp"
#include "sbc/net/stream_connection.hpp"
#include "sbc/net/stream_counters.hpp"
#include "sbc/net/stream_listener.hpp"
#include "sbc/options.hpp"
#include "sbc/outcome.hpp"

namespace postern::net {

/// Whom the messages of streams go to: the worker, with its engine.
class StreamHandler {
 public:
  StreamHandler() = default;
  virtual ~StreamHandler() = default;
  StreamHandler(const StreamHandler&) = delete;
  StreamHandler& operator=(const StreamHandler&) = delete;

  /// No limit by source holds for it.
  [[nodiscard]] virtual bool is_trusted(const acl::Address& peer) const = 0;
  /// At accept; whether it may stay.
  virtual bool on_connected(const sbc::Flow& flow) = 0;
  virtual sbc::Outcome on_message(const sbc::Flow& flow, std::string_view message) = 0;
  /// Behind some messages: what they caused is sent now.
  virtual void on_turn_over() = 0;
  /// Before its first message; of what was let in at accept, on_disconnected() follows.
  virtual void on_refused(const sbc::Flow& flow, ConnectionEnd why) = 0;
  /// Of each that might stay.
  virtual void on_disconnected(const sbc::Flow& flow, ConnectionEnd why) = 0;
  /// A registration or a call needs it.
  [[nodiscard]] virtual bool keeps(const sbc::Flow& flow) const = 0;
};

class Streams {
 public:
  /// All connections of a worker together hold so many octets that are unread or unsent; then whoever wants more is cut off.
  static constexpr std::size_t most_reserved = std::size_t{64} << 20;
  /// Connections, where the process may have as many files. Workers share them.
  static constexpr std::size_t most_connections = 20'000;
  using Listeners = std::vector<std::shared_ptr<StreamListener>>;  ///< by slot; nullptr: closed, or of UDP
  struct Plan {
    Listeners listeners;
    std::vector<StreamListener::Settings> settings;  ///< by slot
  };

  /// `io` and `handler` must outlive it.
  Streams(boost::asio::io_context& io, StreamHandler& handler, const StreamTimes& times = {}, const WorkerPlace& place = {});
  ~Streams();
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  /// The listeners that belong to `slots`: those that are open already, and new ones, which nobody is accepted from before apply(). The
  /// slots get the ports that the kernel chose. `wanted`: as the configuration has them. Throws StartError, and then nothing has changed.
  [[nodiscard]] Plan open(std::vector<sbc::ListenerOptions>& slots, const std::vector<sbc::ListenerOptions>& wanted);
  /// A port that the kernel chose stays the listener's.
  void keep_ports(std::vector<sbc::ListenerOptions>& wanted) const;
  /// Takes over what open() gave. What is no longer there accepts nobody any more; its connections live on.
  void apply(Plan plan, const sbc::LimitsOptions& limits);
  void start();
  /// Ends all.
  void stop();
  /// Ends the connections of a slot that has no listener any more.
  void close_slot(std::uint8_t slot);
  [[nodiscard]] bool has_connections(std::uint8_t slot) const;

  /// Takes over a connection of the core side, which may still be on its way; `stream` works on `socket`. It counts for no limit by source
  /// and in no counter. `flow.connection` comes from next_id().
  void add_core(const sbc::Flow& flow, acl::FileDescriptor socket, std::unique_ptr<ByteStream> stream);
  [[nodiscard]] std::uint64_t next_id();
  /// Ends a connection, if it is there.
  void close(std::uint64_t connection);
  /// By its flow's connection; false: there is none.
  bool send(const sbc::Flow& flow, std::string_view message);
  [[nodiscard]] const StreamCounters& counters() const { return counters_; }
  [[nodiscard]] std::vector<CertificateEnd> certificates() const;

  // For listeners and connections.
  void accepted(acl::FileDescriptor socket, const StreamListener& listener, const sbc::Endpoint& peer);
  void on_accept_error() { ++counters_.accept_errors; }
  void on_end(const StreamConnection& connection, ConnectionEnd why);
  [[nodiscard]] const StreamTimes& times() const { return times_; }
  [[nodiscard]] StreamHandler& handler() { return handler_; }
  /// For one read, by whoever reads.
  [[nodiscard]] std::span<char> read_buffer() { return {buffer_.get(), buffer_size}; }
  void reserve(std::size_t octets) { reserved_ += octets; }
  void release(std::size_t octets) { reserved_ -= octets; }
  [[nodiscard]] std::size_t reserved() const { return reserved_; }

 private:
  static constexpr std::size_t buffer_size = std::size_t{64} * 1024;

  [[nodiscard]] std::shared_ptr<StreamListener> open_listener(const sbc::ListenerOptions& listener, std::uint8_t slot,
                                                              const std::string& key);
  [[nodiscard]] std::shared_ptr<StreamConnection> make(const sbc::Flow& flow, acl::FileDescriptor socket, const StreamListener& listener);
  void accepted_core(acl::FileDescriptor socket, sbc::Flow flow);
  /// Ends one that nobody needs, of some that are looked at, from the oldest on; false: there was none.
  bool make_room();
  [[nodiscard]] bool over_source_limit(const acl::Address& peer) const;
  void count_end(const sbc::Flow& flow, ConnectionEnd why);

  boost::asio::io_context& io_;
  StreamHandler& handler_;
  StreamTimes times_;
  WorkerPlace place_;
  Listeners listeners_;
  std::unordered_map<std::uint64_t, std::shared_ptr<StreamConnection>> connections_;  ///< by id
  std::set<std::uint64_t> by_age_;                                                    ///< ids of the access side
  std::uint64_t looked_at_ = 0;                                                       ///< where make_room() goes on
  std::unordered_map<std::uint64_t, std::size_t> by_source_;                          ///< how many, by acl::SourceKey
  std::unique_ptr<char[]> buffer_;                                                    // NOLINT(modernize-avoid-c-arrays)
  StreamCounters counters_;
  std::optional<std::size_t> per_source_;
  std::size_t limit_;
  std::size_t reserved_ = 0;
  std::uint32_t boot_;
  std::uint32_t counter_ = 0;
  bool running_ = false;
};

/// Raises the number of files that this process may have open as far as the system lets it.
void raise_file_limit();

}  // namespace postern::net
