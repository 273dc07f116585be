// Bodies in which a PBX names itself, and what is done about it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sbc/veil.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

enum class BodyKind : std::uint8_t {
  unknown,    ///< what we do not know passes byte for byte
  known,      ///< text that may name the core
  sdp,        ///< asks for audio at an address (sbc/sdp.hpp)
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
  /// Where what was appended asks a phone that is outside for its audio, if that is inside (sbc/sdp.hpp).
  [[nodiscard]] const std::optional<acl::Address>& audio_inside() const { return audio_inside_; }

 private:
  void append_known(std::string& out, std::string_view body);
  void append_sdp(std::string& out, std::string_view sdp);
  void append_parts(std::string& out, std::string_view delimiter, std::string_view body, int depth);
  void append_part(std::string& out, std::string_view part, int depth);

  Veil& veil_;
  const Names& names_;
  const Flow& access_;
  std::optional<acl::Address> audio_inside_;
};

}  // namespace postern::sbc
