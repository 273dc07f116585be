#include "sbc/call_gate.hpp"

#include <algorithm>

#include "sbc/jail.hpp"
#include "sbc/refused_destinations.hpp"
#include "sbc/rewrite.hpp"
#include "sip/dialled.hpp"

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

bool begins_call(const CallGate::Question& question) {
  const Dialog& dialog = question.dialog;
  if (question.request.method != sip::Method::invite || dialog.is_known() || dialog.kind == Dialog::Kind::bad) return false;
  // Else it takes over a call that stands, of a Contact that we gave out.
  return !dialog.target || question.request.find(sip::HeaderName::replaces) == nullptr;
}

}  // namespace

std::optional<CallGate::Denial> CallGate::judge(const Question& question, Jail& jail, TimePoint now) {
  policy_ = state_.policy->calls();
  const bool refers = question.request.method == sip::Method::refer;
  if (!refers && (policy_ == nullptr || !begins_call(question))) return std::nullopt;
  find_callers(question, now);
  if (refers) return judge_refer(question, jail, now);
  const auto denial = judge_user(question.user, question.flow);
  if (denial) note(question, true, jail, now);
  return denial;
}

std::optional<CallGate::Denial> CallGate::judge_redirect(std::string_view user, std::string_view own_user, const Flow& flow,
                                                         TimePoint now) {
  policy_ = state_.policy->calls();
  if (policy_ == nullptr) return std::nullopt;
  caller_count_ = 0;
  const std::string_view own = sip::canonical_user(own_user, caller_);
  called_over(flow, own, own, now);
  return judge_user(user, flow);
}

void CallGate::find_callers(const Question& question, TimePoint now) {
  const sip::RawMessage& request = question.request;
  const CredentialsVerdict& credentials = question.credentials;
  caller_count_ = 0;
  const std::string_view from = sip::canonical_user(request.from_user, caller_);
  if (question.dialog.is_known()) {
    // The PBX asks for no password there, and From is whatever its sender likes.
    called_over(question.flow, from, {}, now);
    if (!credentials.any_kept()) return;
  }
  called_by(from);
  for (std::size_t i = 0; i < credentials.count; ++i) {
    const CredentialsVerdict::Entry& entry = credentials.entries[i];
    if (entry.fate != CredentialsVerdict::Fate::remove && entry.is_digest && entry.username != from) called_by(entry.username);
  }
}

void CallGate::called_by(std::string_view user) { callers_[caller_count_++] = user; }

void CallGate::called_over(const Flow& flow, std::string_view user, std::string_view otherwise, TimePoint now) {
  const bool registered = state_.registrations.registered_over(user, flow, now);
  called_by(registered ? user : state_.registrations.user_over(flow, now).value_or(otherwise));
}

std::optional<CallGate::Denial> CallGate::judge_refer(const Question& question, Jail& jail, TimePoint now) {
  for (const sip::HeaderLine& header : question.request.header_lines()) {
    if (header.name != sip::HeaderName::refer_to) continue;
    sip::ElementReader reader(question.request.text(header.value));
    // What cannot be read by us may be read by the PBX.
    auto element = reader.next();
    if (!element) element.emplace();
    for (; element; element = reader.next()) {
      if (auto denial = judge_target(*element, question, jail, now)) return denial;
    }
  }
  return std::nullopt;
}

std::optional<CallGate::Denial> CallGate::judge_target(std::string_view element, const Question& question, Jail& jail, TimePoint now) {
  const auto target = sip::NameAddrView::parse(element);
  std::string_view user = target ? sip::dialled_user(target->uri) : std::string_view();
  const auto uri = split_token(user) ? sip::UriView::parse(target->uri) : std::nullopt;
  const auto opened = uri ? open_outward(state_.tokens, *uri) : std::nullopt;
  if (opened) {
    if (names_call(*uri)) return std::nullopt;
    user = opened->user;
  }
  if (jail.is_trap_user(sip::canonical_user(user, user_))) return Denial{{}, {}, true};
  const auto denial = judge_user(user, question.flow);
  note(question, denial.has_value(), jail, now);
  return denial;
}

std::optional<CallGate::Denial> CallGate::judge_user(std::string_view user, const Flow& flow) {
  const std::string_view dialled = sip::dialled_number_of(user, user_);
  number_.emplace(dialled);
  // Who calls for help without a registration meets the PBX's challenge and no class.
  if (policy_ == nullptr || state_.policy->emergency().contains(dialled)) return std::nullopt;
  const auto in = policy_->classify(number_->text);
  for (std::size_t i = 0; i < caller_count_; ++i) {
    if (policy_->allows(flow.peer.address, callers_[i], in)) continue;
    return Denial{number_->text, in ? policy_->name_of(*in) : std::string_view()};
  }
  return std::nullopt;
}

// By whose password it is, as the PBX's answer to it will be told by; else by who calls.
void CallGate::note(const Question& question, bool denied, Jail& jail, TimePoint now) {
  const std::string_view login = question.credentials.username;
  note_refused_destination(state_, jail, question.request,
                           {.flow = question.flow,
                            .device = login.empty() ? callers_.front() : login,
                            .number = number_->text,
                            .user_agent = question.request.user_agent,
                            .proven = question.proven,
                            .denied = denied},
                           now);
}

}  // namespace postern::sbc
