#include "sbc/scanner_watch.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <iterator>

#include "sip/traits.hpp"

namespace postern::sbc {
namespace {

constexpr std::size_t longest_text = 1024;  // all signs there are

void add_form(sip::Traits traits, acl::ScannerScore& score) {
#define X(word, points, help) \
  if (traits.has(sip::Trait::word)) score.add(acl::ScannerSign::word);
  POSTERN_SCANNER_FORMS(X)
#undef X
}

}  // namespace

ScannerWatch::ScannerWatch(State& state, Admission& admission) : state_(state), admission_(admission) { text_.reserve(longest_text); }

void ScannerWatch::weigh_form(const sip::RawMessage& request, const Flow& flow, acl::ScannerScore& score) const {
  sip::Traits traits = sip::traits_of(request);
  // What is true of its sender, or all that clients know of us, tells nothing.
  if (flow.peer.address.is_loopback()) traits.clear(sip::Trait::loopback_via);
  if (!state_.options.pbx.public_domain) traits.clear(sip::Trait::address_as_host);
  add_form(traits, score);
}

RequestStanding ScannerWatch::check(const sip::RawMessage& request, const Flow& flow, const SourceStanding& source, TimePoint now,
                                    std::optional<acl::ScannerScore>& score) {
  RequestStanding standing;
  if (!concerns(source)) return standing;
  score.emplace();
  weigh_form(request, flow, *score);
  if (!source.known) {
    const bool invites = request.method == sip::Method::invite;
    state_.scanners.judge(flow.peer.address, source.proven,
                          {static_cast<std::uint8_t>(request.method), request.claimed_user(),
                           invites ? request.request_user : std::string_view(), invites ? request.call_id : std::string_view()},
                          *score, now);
  }
  if (score->sum() < *state_.options.scanner_score) return standing;
  write_text(*score);
  standing.outcome = Outcome::scanner_score;
  std::array<char, 256> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
  const Evidence evidence{.cause = Cause::scanner_score,
                          .flow = flow,
                          .proven = source.proven,
                          .account = Jail::account_of(request, buffer),
                          .message = &request,
                          .detail = text_};
  standing.bans = admission_.jail().judge(evidence, now) != Sentence::none;
  return standing;
}

void ScannerWatch::write_text(const acl::ScannerScore& score) {
  text_.clear();
  const auto end = std::back_inserter(text_);
  fmt::format_to(end, "{} of {}:", score.sum(), *state_.options.scanner_score);
  for (std::size_t i = 0; i < acl::scanner_signs.size(); ++i) {
    const auto points = score.points(static_cast<acl::ScannerSign>(i));
    if (points > 0) fmt::format_to(end, " {} {},", acl::scanner_signs[i].word, points);
  }
  text_.pop_back();
}

void ScannerWatch::acknowledged(const Flow& flow, const SourceStanding& source, TimePoint now) {
  if (concerns(source) && !source.known) state_.scanners.acknowledged(flow.peer.address, now);
}

void ScannerWatch::call_goes_on(const Flow& flow, const SourceStanding& source, TimePoint now) {
  if (concerns(source) && !source.known) state_.scanners.succeeded(flow.peer.address, now);
}

}  // namespace postern::sbc
