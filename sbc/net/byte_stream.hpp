// Octets over a socket that never blocks: in the clear here, by TLS in tls_context.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace postern::net {

class ByteStream {
 public:
  enum class Status : std::uint8_t {
    done,         ///< `size` octets
    wants_read,   ///< again when the socket can be read
    wants_write,  ///< again when it can be written
    ended,        ///< the peer has said that it sends no more
    failed,
  };
  struct Result {
    Status status = Status::failed;
    std::size_t size = 0;
  };

  ByteStream() = default;
  virtual ~ByteStream() = default;
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  virtual Status handshake() = 0;
  virtual Result read(std::span<char> into) = 0;
  /// Writes a part of `octets`, which are not empty. After wants_read or wants_write the next call must begin with the same octets.
  virtual Result write(std::string_view octets) = 0;
  /// read() has more without the socket.
  [[nodiscard]] virtual bool has_more() const = 0;
  /// Why the last call failed, in the system's words; empty: nobody said.
  [[nodiscard]] virtual std::string failure() const = 0;
  /// Tells the peer that no more is sent. At most once, and only after a handshake.
  virtual void finish() = 0;
};

class PlainStream final : public ByteStream {
 public:
  /// `fd` must outlive it.
  explicit PlainStream(int fd) : fd_(fd) {}

  Status handshake() override { return Status::done; }
  Result read(std::span<char> into) override;
  Result write(std::string_view octets) override;
  [[nodiscard]] bool has_more() const override { return false; }
  [[nodiscard]] std::string failure() const override;
  void finish() override;

 private:
  Status failed(Status when_it_would_block);

  int fd_;
  int error_ = 0;
};

}  // namespace postern::net
