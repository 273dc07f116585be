// Bodies in which a PBX names itself, and what is done about it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sbc/veil.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

enum class BodyKind : std::uint8_t {
  unknown,    ///< passes byte for byte: SDP, and what we do not know
  known,      ///< text that may name the core
  multipart,  ///< each part is what its own Content-Type says
};
BodyKind body_kind(std::string_view content_type);
/// The Content-Type of a message that has a body; else empty.
std::string_view content_type_of(const sip::RawMessage& message);

/// Appends a body as the access side may read it.
class BodyVeil {
 public:
  BodyVeil(Veil& veil, const Names& names, const Flow& access) : veil_(veil), names_(names), access_(access) {}
  void append(std::string& out, std::string_view content_type, std::string_view body, int depth = 0);

 private:
  void append_known(std::string& out, std::string_view body);
  void append_parts(std::string& out, std::string_view delimiter, std::string_view body, int depth);
  void append_part(std::string& out, std::string_view part, int depth);

  Veil& veil_;
  const Names& names_;
  const Flow& access_;
};

}  // namespace postern::sbc
