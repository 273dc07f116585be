#include "sbc/call_gate.hpp"

#include <algorithm>

#include "sbc/rewrite.hpp"
#include "sip/digest.hpp"

namespace postern::sbc {
namespace {

/// Does a Refer-To's URI name a call that stands (RFC 3891)? Then that is taken over, and nobody is dialled.
bool names_call(const sip::UriView& uri) {
  bool replaces = false;
  each_uri_header(uri.headers, [&](std::string_view text, bool /*has_call_id*/) {
    const std::string_view name = text.substr(1, std::min(text.find('='), text.size()) - 1);
    replaces = replaces || sip::iequals(name, "Replaces");
  });
  return replaces;
}

/// The user of a sip:, sips: or tel: URI as it stands there; nullopt: it has none.
std::optional<std::string_view> user_in(std::string_view uri) {
  constexpr std::string_view tel = "tel:";
  if (uri.size() > tel.size() && sip::iequals(uri.substr(0, tel.size()), tel)) return uri.substr(tel.size(), uri.find('?') - tel.size());
  const auto view = sip::UriView::parse(uri);
  return view && view->has_user ? std::optional(view->user) : std::nullopt;
}

}  // namespace

std::optional<CallGate::Denial> CallGate::judge(const sip::RawMessage& request, std::string_view user, const Dialog& dialog,
                                                const Flow& flow, const CredentialsVerdict& credentials, TimePoint now) {
  policy_ = state_.policy->calls();
  const bool refers = request.method == sip::Method::refer;
  const bool calls = request.method == sip::Method::invite && !dialog.is_known() && dialog.kind != Dialog::Kind::bad;
  if (policy_ == nullptr || (!refers && !calls)) return std::nullopt;
  // It takes over a call that stands, of a Contact that we gave out.
  if (calls && dialog.target && request.find(sip::HeaderName::replaces) != nullptr) return std::nullopt;
  caller_count_ = 0;
  const std::string_view from = sip::canonical_user(request.from_user, caller_);
  if (dialog.is_known() && !credentials.any_kept()) {
    called_over(flow, from, now);
  } else {
    called_by(from);
    for (std::size_t i = 0; i < credentials.count; ++i) {
      const CredentialsVerdict::Entry& entry = credentials.entries[i];
      if (entry.fate == CredentialsVerdict::Fate::remove || entry.header == nullptr) continue;
      const auto digest = sip::DigestView::parse(request.text(entry.header->value));
      if (digest && digest->username != from) called_by(digest->username);
    }
  }
  return refers ? judge_refer(request, flow) : judge_user(user, flow);
}

std::optional<CallGate::Denial> CallGate::judge_redirect(std::string_view user, std::string_view own_user, const Flow& flow,
                                                         TimePoint now) {
  policy_ = state_.policy->calls();
  if (policy_ == nullptr) return std::nullopt;
  caller_count_ = 0;
  called_over(flow, sip::canonical_user(own_user, caller_), now);
  return judge_user(user, flow);
}

void CallGate::called_by(std::string_view user) { callers_[caller_count_++] = user; }

void CallGate::called_over(const Flow& flow, std::string_view user, TimePoint now) {
  const bool registered = state_.registrations.registered_over(user, flow, now);
  called_by(registered ? user : state_.registrations.user_over(flow, now).value_or(user));
}

std::optional<CallGate::Denial> CallGate::judge_refer(const sip::RawMessage& request, const Flow& flow) {
  for (const sip::HeaderLine& header : request.header_lines()) {
    if (header.name != sip::HeaderName::refer_to) continue;
    sip::ElementReader reader(request.text(header.value));
    bool any = false;
    while (const auto element = reader.next()) {
      any = true;
      if (auto denial = judge_target(*element, flow)) return denial;
    }
    // What cannot be read by us may be read by the PBX.
    if (!any) return judge_user({}, flow);
  }
  return std::nullopt;
}

std::optional<CallGate::Denial> CallGate::judge_target(std::string_view element, const Flow& flow) {
  const auto target = sip::NameAddrView::parse(element);
  const auto uri = target ? sip::UriView::parse(target->uri) : std::nullopt;
  if (uri && split_token(uri->user)) {
    if (const auto opened = open_outward(state_.tokens, *uri)) return names_call(*uri) ? std::nullopt : judge_user(opened->user, flow);
  }
  return judge_user(target ? user_in(target->uri).value_or("") : std::string_view(), flow);
}

std::optional<CallGate::Denial> CallGate::judge_user(std::string_view user, const Flow& flow) {
  number_.emplace(sip::canonical_user(user, user_));
  const auto in = policy_->classify(number_->text);
  for (std::size_t i = 0; i < caller_count_; ++i) {
    if (policy_->allows(flow.peer.address, callers_[i], in)) continue;
    return Denial{callers_[i], number_->text, in ? policy_->name_of(*in) : std::string_view()};
  }
  return std::nullopt;
}

}  // namespace postern::sbc
