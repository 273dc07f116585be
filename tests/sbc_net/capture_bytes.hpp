// Captures, built octet by octet.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace postern::net::test {

inline std::string be16(unsigned value) { return {static_cast<char>(value >> 8U), static_cast<char>(value)}; }
inline std::string be32(std::uint32_t value) { return be16(value >> 16U) + be16(value & 0xffffU); }
inline std::string le32(std::uint32_t value) {
  const std::string big = be32(value);
  return {big.rbegin(), big.rend()};
}
inline std::string zeros(std::size_t count) { return std::string(count, '\0'); }

inline std::string udp(std::string_view payload, unsigned from = 5062, unsigned to = 5060) {
  return be16(from) + be16(to) + be16(static_cast<unsigned>(payload.size() + 8)) + be16(0) + std::string(payload);
}

struct Tcp {
  static constexpr unsigned fin = 1, syn = 2, rst = 4, ack = 16;
};
inline std::string tcp(std::uint32_t sequence, std::string_view payload, unsigned flags = Tcp::ack, unsigned from = 5062,
                       unsigned to = 5060) {
  return be16(from) + be16(to) + be32(sequence) + be32(0) + std::string{'\x50', static_cast<char>(flags)} + zeros(6) + std::string(payload);
}

/// 198.51.100.7 to 192.0.2.1. `fragment`: the flags and the offset as they stand in the header.
inline std::string ipv4(std::string_view payload, unsigned protocol = 17, unsigned fragment = 0, unsigned id = 1) {
  return std::string("\x45\0", 2) + be16(static_cast<unsigned>(payload.size() + 20)) + be16(id) + be16(fragment) +
         std::string{'\x40', static_cast<char>(protocol)} + be16(0) + std::string("\xc6\x33\x64\x07\xc0\x00\x02\x01", 8) +
         std::string(payload);
}
/// 2001:db8::7 to 2001:db8::1.
inline std::string ipv6(std::string_view payload, unsigned next = 17) {
  const std::string prefix = std::string("\x20\x01\x0d\xb8", 4) + zeros(11);
  return std::string("\x60\0\0\0", 4) + be16(static_cast<unsigned>(payload.size())) + std::string{static_cast<char>(next), '\x40'} +
         prefix + "\x07" + prefix + "\x01" + std::string(payload);
}
inline std::string fragment_header(unsigned next, unsigned offset, bool more, std::uint32_t id = 1) {
  return std::string{static_cast<char>(next), '\0'} + be16(offset | (more ? 1U : 0U)) + be32(id);
}

inline std::string ethernet(std::string_view packet, unsigned type = 0x0800) { return zeros(12) + be16(type) + std::string(packet); }

/// A file of the classic format, little endian, that goes away with it.
class CaptureFile {
 public:
  explicit CaptureFile(std::uint32_t link_type, std::uint32_t magic = 0xa1b2c3d4U) {
    std::string name = (std::filesystem::temp_directory_path() / "postern-capture-XXXXXX").string();
    const int file = ::mkstemp(name.data());
    if (file >= 0) ::close(file);
    path_ = name;
    bytes_ = le32(magic) + std::string("\x02\0\x04\0", 4) + zeros(8) + le32(262144) + le32(link_type);
  }
  ~CaptureFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  CaptureFile(const CaptureFile&) = delete;
  CaptureFile& operator=(const CaptureFile&) = delete;

  /// `captured`: how much of the frame is in the file, if not all.
  void add(std::string_view frame, std::uint32_t second = 1, std::size_t captured = SIZE_MAX) {
    const std::string_view kept = frame.substr(0, std::min(captured, frame.size()));
    bytes_ += le32(second) + le32(0) + le32(static_cast<std::uint32_t>(kept.size())) + le32(static_cast<std::uint32_t>(frame.size()));
    bytes_ += kept;
  }
  void add_raw(std::string_view octets) { bytes_ += octets; }

  [[nodiscard]] std::string write() const {
    std::ofstream(path_, std::ios::binary) << bytes_;
    return path_.string();
  }

 private:
  std::filesystem::path path_;
  std::string bytes_;
};

}  // namespace postern::net::test
