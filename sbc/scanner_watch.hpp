// Who is taken for a scanner: the form of a request and what its source has done are weighed together (acl/scanner_score.hpp).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "acl/scanner_score.hpp"
#include "sbc/admission.hpp"
#include "sbc/state.hpp"
#include "sip/prescreen.hpp"

namespace postern::sbc {

class ScannerWatch {
 public:
  ScannerWatch(State& state, Admission& admission);

  /// Of a request outside a dialog that the rules let pass. Not asked of trusted sources and of live registrations; of a
  /// source that devices were accepted from the form alone is asked, since many may be behind it. `score`: what was found, if it was.
  RequestStanding check(const sip::RawMessage& request, const Flow& flow, const SourceStanding& source, TimePoint now,
                        std::optional<acl::ScannerScore>& score);
  /// The sum and the signs of what check() refused last. Holds until it refuses again.
  [[nodiscard]] std::string_view text() const { return text_; }

  /// An ACK came.
  void acknowledged(const Flow& flow, const SourceStanding& source, TimePoint now);
  /// A request that names its own dialog came: a call was answered, and no scanner's is.
  void call_goes_on(const Flow& flow, const SourceStanding& source, TimePoint now);

 private:
  [[nodiscard]] bool concerns(const SourceStanding& source) const {
    return state_.options.scanner_score && !source.trusted && !source.live;
  }
  void weigh_form(const sip::RawMessage& request, const Flow& flow, acl::ScannerScore& score) const;
  void write_text(const acl::ScannerScore& score);

  State& state_;
  Admission& admission_;
  std::string text_;
};

}  // namespace postern::sbc
