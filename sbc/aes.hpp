// The block cipher under Ctr and Seal: AES-128 by OpenSSL.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

namespace postern::sbc {

using Block = std::array<std::uint8_t, 16>;

/// One key. Modes are made of it by hand, since to start one of OpenSSL's anew costs more than a short text does.
/// Not thread-safe: one a worker.
class Aes {
 public:
  /// Throws std::runtime_error if the library has no AES-128-ECB.
  explicit Aes(std::span<const std::uint8_t, 16> key);
  ~Aes();
  Aes(Aes&&) noexcept;
  Aes& operator=(Aes&&) noexcept;
  /// Encrypts each block in its place. Ends the process if the library fails, which it does neither by input nor for want of memory: a
  /// wrong tag would let strangers pass.
  void encrypt(std::span<Block> blocks);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::sbc
