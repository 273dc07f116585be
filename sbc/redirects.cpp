#include "sbc/redirects.hpp"

#include "sbc/contact.hpp"

namespace postern::sbc {

std::string_view Redirects::judge(const sip::RawMessage& response, const Flow& flow, TimePoint now) {
  if (flow.side != Side::access || response.status_code < 300 || response.status_code >= 400) return {};
  denial_ = {};
  if (state_.options.redirects == EngineOptions::Redirects::internal && response.method == sip::Method::invite) {
    for (const sip::HeaderLine& header : response.header_lines()) {
      if (header.name != sip::HeaderName::contact) continue;
      sip::ElementReader reader(response.text(header.value));
      while (const auto contact = reader.next()) {
        if (allows(*contact, response, flow, now)) return user_;
      }
    }
  }
  tell_blocked(response, flow, now);
  return {};
}

bool Redirects::allows(std::string_view contact, const sip::RawMessage& response, const Flow& flow, TimePoint now) {
  const auto address = sip::NameAddrView::parse(contact);
  const auto uri = address ? sip::UriView::parse(address->uri) : std::nullopt;
  if (!uri || uri->user.empty()) return false;
  if (const auto opened = open_outward(state_.tokens, *uri))
    user_ = opened->user;
  else
    user_ = uri->user;
  if (user_.empty() || split_token(user_)) return false;
  const auto denial = gate_.judge_redirect(user_, response.to_user, flow, now);
  if (denial) denial_ = *denial;
  return !denial;
}

void Redirects::tell_blocked(const sip::RawMessage& response, const Flow& flow, TimePoint now) {
  if (!state_.journal.admits(EventKind::redirect_blocked, Outcome::forwarded, now)) return;
  Event event;
  event.kind = EventKind::redirect_blocked;
  event.source = flow.peer;
  event.method = response.method_text;
  event.device = response.to_user;
  event.call_id = response.call_id;
  event.number = denial_.number;
  event.number_class = denial_.number_class;
  state_.journal.write(event);
}

}  // namespace postern::sbc
