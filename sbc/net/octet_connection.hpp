// A connection of TCP or TLS: SIP messages one behind the other in a stream of octets.
#pragma once

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <memory>
#include <string>

#include "acl/file_descriptor.hpp"
#include "sbc/net/byte_stream.hpp"
#include "sbc/net/stream_connection.hpp"
#include "sbc/net/stream_framer.hpp"

namespace postern::net {

class OctetConnection final : public StreamConnection {
 public:
  /// `stream` works on `socket`.
  OctetConnection(boost::asio::io_context& io, Streams& streams, const sbc::Flow& flow, acl::FileDescriptor socket,
                  std::unique_ptr<ByteStream> stream);
  ~OctetConnection() override;
  OctetConnection(const OctetConnection&) = delete;
  OctetConnection& operator=(const OctetConnection&) = delete;

 private:
  using Descriptor = boost::asio::posix::basic_stream_descriptor<Executor>;

  void begin() override { shake_hands(); }
  void write(std::string_view message) override;
  void close_socket() override;
  [[nodiscard]] bool all_sent() const override { return unsent_.empty(); }
  [[nodiscard]] bool inside_message() const override { return !held_.empty(); }

  void shake_hands();
  void wait(ByteStream::Status what);
  void turn_again();
  void turn();
  void read();
  /// Delivers what is whole in `octets`, at most messages_a_turn; returns what is left over.
  std::string_view take_messages(std::string_view octets);
  void take_piece(const StreamFramer::Piece& piece);
  /// What is left over of `octets`, which may be held_ itself, is what is held.
  void hold(std::string_view octets);
  bool write_some(std::string_view& octets);
  bool write_unsent();
  void break_off(ConnectionEnd why);
  void discard_unread();

  acl::FileDescriptor socket_;
  Descriptor descriptor_;
  std::unique_ptr<ByteStream> stream_;
  StreamFramer framer_;
  std::string held_;    ///< what has come of a message that has not ended
  std::string unsent_;  ///< what the peer has not taken yet
  bool waits_read_ = false;
  bool waits_write_ = false;
  bool backlog_ = false;  ///< held_ may have whole messages: their turn has not come yet
  bool open_ = false;     ///< the handshake is done
  bool broken_ = false;   ///< nothing more can be written
};

}  // namespace postern::net
