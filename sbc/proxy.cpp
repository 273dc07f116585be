#include "sbc/proxy.hpp"

#include <algorithm>

#include "sip/message.hpp"

namespace postern::sbc {

using sip::Method;

namespace {

// Begins the memo of a request whose credentials were taken off: the challenge that follows says stale.
constexpr std::string_view stale_mark = "s\n";

// Below the top Via of a response, which is ours, stand those of who asked (and those of the request take their place).
bool leads_on(const sip::RawMessage& response) {
  return response.any_via_below_top([](std::string_view /*element*/) { return true; });
}

std::optional<sip::UriView> last_route(const sip::RawMessage& request) {
  std::optional<std::string_view> last;
  for (const sip::HeaderLine& header : request.header_lines()) {
    if (header.name != sip::HeaderName::route) continue;
    sip::ElementReader reader(request.text(header.value));
    while (const auto route = reader.next()) last = route;
  }
  return last ? route_uri(*last) : std::nullopt;
}

bool accepts_registration(const sip::RawMessage& response) {
  return response.method == Method::register_ && response.status_code >= 200 && response.status_code < 300;
}

bool takes_call(const sip::RawMessage& response) {
  return response.method == Method::invite && response.status_code >= 200 && response.status_code < 300;
}

}  // namespace

Proxy::Proxy(State& state, Admission& admission, Answers& answers)
    : state_(state),
      admission_(admission),
      answers_(answers),
      registrar_(state),
      inward_(state),
      outward_(state),
      redirects_(state),
      stateless_(state, inward_, outward_, redirects_),
      failover_(state),
      device_limits_(state, admission, answers),
      calls_(state),
      audio_(state) {
  state_.transactions.use(failover_);
}

Dialog Proxy::dialog_of(const sip::RawMessage& request, const Flow& flow) {
  Dialog dialog;
  // Cheap first: most requests carry no token.
  if (request.request_user.find('~') == std::string_view::npos) return dialog;
  const auto uri = sip::UriView::parse(request.request_uri);
  if (!uri || !split_token(uri->user)) return dialog;
  dialog.target = open_outward(state_.tokens, *uri);
  // A dialog's request has a To tag (§12.2.1.1) and never registers: anything else with our token is a new request to that Contact.
  const bool in_dialog = !request.to_tag.empty() && request.method != Method::register_;
  if (!dialog.target) {
    dialog.kind = Dialog::Kind::bad;
  } else if (!in_dialog ||
             dialog.target->token.dialog_hash != static_cast<std::uint32_t>(dialog_key_of(state_.mac, request.call_id, request.to_tag))) {
    dialog.kind = Dialog::Kind::foreign;
  } else if (dialog.target->token.flow_hash != flow_hash_of(state_, flow)) {
    dialog.kind = Dialog::Kind::rebound;
  } else {
    dialog.kind = Dialog::Kind::own;
  }
  return dialog;
}

std::optional<Outcome> Proxy::refused(const sip::RawMessage& request, const Flow& flow, const Dialog& dialog, TimePoint now, Outbox& out) {
  if (dialog.kind == Dialog::Kind::bad) {
    answers_.send(request, flow, false, {404, {}, {}}, out);
    return Outcome::bad_token;
  }
  // An ACK that ends nothing here can only be one to a 2xx, and that names its dialog by our Contact; after a restart also one to an
  // answer whose request nobody remembers.
  if (request.method == Method::ack && !dialog.is_known() && (dialog.target || !state_.recalls(now) || answers_.acknowledged(request)))
    return Outcome::not_served;
  return std::nullopt;
}

Outcome Proxy::request_from_access(const Arrival& arrival, TimePoint now, Outbox& out) {
  const sip::RawMessage& request = arrival.message;
  const bool proven = arrival.source.proven;
  if (has_been_here(request)) {
    answers_.send(request, arrival.flow, proven, {482, {}, {}}, out);
    return Outcome::loop;
  }
  const OpenedOutward* target = arrival.dialog.target ? &*arrival.dialog.target : nullptr;
  // A dialog stays with its PBX.
  const auto pbx = target != nullptr ? std::optional(target->token.pbx) : state_.health.first(now);
  if (!pbx) {
    answers_.overloaded(request, arrival.flow, proven, out);
    return Outcome::pbx_down;
  }
  DeviceClaim claim;
  if (const auto over = over_limits(arrival, claim, now, out)) return *over;
  const bool with_credentials = arrival.credentials.any_kept();
  state_.credentials.pass(arrival.credentials, arrival.flow.peer.address, now);
  RegisterPlan plan;
  const bool registers = request.method == Method::register_;
  if (registers) plan = registrar_.plan(request, arrival.flow, with_credentials, now);
  // The token outlives a restart, what was remembered for it does not.
  if (arrival.dialog.is_known() && !target->token.routes.empty())
    state_.route_sets.put(dialog_key_of(state_.mac, request.call_id, request.to_tag), target->token.routes);
  if (!inward_.request(
          {request, arrival.flow, arrival.id, arrival.credentials, target, registers ? &plan : nullptr, *pbx, arrival.source.emergency},
          message_)) {
    if (inward_.contacts_fit()) {
      answers_.send(request, arrival.flow, proven, {513, {}, {}}, out);
      return Outcome::too_large;
    }
    answers_.send(request, arrival.flow, proven, {400, "Bad Contact", {}}, out);
    return Outcome::malformed;
  }
  note_credentials(arrival, plan.memo, now);
  const bool may_move = target == nullptr && request.to_tag.empty();
  const Outcome outcome = forward(arrival.id, request,
                                  {.from = arrival.flow,
                                   .to = failover_.flow_of(*pbx),
                                   .proven = proven,
                                   .sent = message_,
                                   .memo = plan.memo,
                                   .hop = *pbx,
                                   .may_move = may_move,
                                   .with_credentials = with_credentials,
                                   .claim = claim,
                                   .pad_at = inward_.pad_at()},
                                  now, out);
  if (outcome == Outcome::forwarded)
    calls_.from_access(request, arrival.flow, arrival.dialog.is_known(), with_credentials || arrival.source.trusted, now);
  return outcome;
}

// Who goes first where the PBX, or what one device may ask of it, is used up.
std::optional<Outcome> Proxy::over_limits(const Arrival& arrival, DeviceClaim& claim, TimePoint now, Outbox& out) {
  const sip::RawMessage& request = arrival.message;
  const bool judged = request.method != Method::ack || !arrival.dialog.target;
  const bool counted = !arrival.dialog.own() && judged;
  const auto urgency = Admission::claim_of(arrival.source, arrival.credentials.any_kept());
  if (counted && admission_.pbx_is_busy(urgency, now) && !arrival.source.emergency) {
    const bool returns = request.method == Method::register_ && arrival.source.answerable();
    answers_.overloaded(request, arrival.flow, arrival.source.proven, out, returns ? admission_.pbx_has_room_in(now) : std::nullopt);
    return Outcome::pbx_limit;
  }
  if (arrival.dialog.is_known() || request.method == Method::ack || request.method == Method::cancel) return std::nullopt;
  return device_limits_.over(request, arrival.flow, arrival.source, arrival.credentials, claim, now, out);
}

void Proxy::note_credentials(const Arrival& arrival, std::string& memo, TimePoint now) {
  if (!arrival.credentials.username.empty()) Registrar::add_login(memo, arrival.credentials.username);
  if (!arrival.credentials.any_removed()) return;
  admission_.jail().foreign_credentials(arrival.message, arrival.flow, now);
  if (says_stale(arrival, now)) memo.insert(0, stale_mark);
}

bool Proxy::says_stale(const Arrival& arrival, TimePoint now) {
  const sip::RawMessage& request = arrival.message;
  if (request.method == Method::ack) return false;
  const std::string_view user = request.claimed_user();
  if (state_.credentials.may_say_stale(arrival.flow.peer.address, request.call_id, user, now)) return true;
  if (state_.journal.admits(EventKind::opaque_not_returned, Outcome::forwarded, now)) {
    Event event;
    event.kind = EventKind::opaque_not_returned;
    event.source = arrival.flow.peer;
    event.user_agent = request.user_agent;
    event.method = request.method_text;
    event.device = user;
    event.call_id = request.call_id;
    event.detail = credentials_words[static_cast<std::size_t>(arrival.credentials.standing)];
    state_.journal.write(event);
  }
  return false;
}

std::optional<OpenedInward> Proxy::target_of(const sip::RawMessage& request) {
  auto uri = sip::UriView::parse(request.request_uri);
  // A strict router before us put our own route there, and the Request-URI at the end of the others (RFC 3261 §16.4).
  if (uri && is_our_route(state_.names, *uri)) uri = last_route(request);
  return uri ? open_device(state_.tokens, state_.registrations, *uri) : std::nullopt;
}

// Without the magic cookie a Via is no name for one transaction (RFC 3261 §17.2.3).
BranchId Proxy::core_branch_id(const sip::RawMessage& request, const Flow& flow, const std::optional<OpenedInward>& target) {
  if (!target || !is_rfc3261_branch(request.branch)) return branch_id_of(state_.mac, flow, request);
  return branch_id_of(state_.mac, flow, request.top_via.whole, request.method, request.method_text, target->token.flow.peer.address);
}

Outcome Proxy::request_from_core(const sip::RawMessage& request, const Flow& flow, const BranchId& id,
                                 const std::optional<OpenedInward>& target, TimePoint now, Outbox& out) {
  if (!target) {
    answers_.send(request, flow, true, {404, {}, {}}, out);
    return split_token(request.request_user) ? Outcome::bad_token : Outcome::no_token;
  }
  if (!is_open(target->token.flow)) {
    // The PBX's qualify takes any answer for a sign of life (RFC 3261 §11): a device that cannot be reached gives none.
    if (request.method != Method::options) answers_.send(request, flow, true, {480, {}, {}}, out);
    return Outcome::listener_gone;
  }
  if (!state_.connections.reach(target->token.flow)) {
    if (request.method != Method::options) answers_.send(request, flow, true, {480, {}, {}}, out);
    return Outcome::connection_gone;
  }
  if (!outward_.request(request, flow, *target, id, hidden_, message_)) {
    answers_.send(request, flow, true, {513, {}, {}}, out);
    return Outcome::too_large;
  }
  if (const auto& inside = outward_.audio_inside()) audio_.tell(*inside, target->token.flow, target->user, request.call_id, now);
  const Outcome outcome = forward(id, request, {flow, target->token.flow, true, message_, hidden_.routes, hidden_.vias}, now, out);
  if (outcome == Outcome::forwarded) calls_.from_core(request, target->token.flow, target->user, now);
  return outcome;
}

Outcome Proxy::forward(const BranchId& id, const sip::RawMessage& request, const Departure& departure, TimePoint now, Outbox& out) {
  // An ACK to a 2xx goes end to end; a CANCEL that comes so far is one of an INVITE that a restart made us forget.
  if (request.method == Method::ack || request.method == Method::cancel) {
    out.add_request(departure.to, departure.sent, departure.pad_at);
  } else if (state_.transactions.begin(id, request, departure, now, out) == nullptr) {
    answers_.overloaded(request, departure.from, departure.proven, out);
    return Outcome::transactions_full;
  }
  if (request.method == Method::invite) need_connections(departure.from, departure.to, now + Timers::proceeding_timeout);
  count_forwarded(departure.to, request.method);
  return Outcome::forwarded;
}

void Proxy::need_connections(const Flow& one, const Flow& other, TimePoint until) {
  for (const Flow* flow : {&one, &other}) {
    if (!is_datagram(flow->transport)) state_.connections.need(*flow, until);
  }
}

bool Proxy::awaits(const sip::RawMessage& response, const Flow& flow) const {
  const auto id = parse_branch(response.branch);
  return id && state_.transactions.awaits(*id, response, flow);
}

Outcome Proxy::response(const sip::RawMessage& response, const Flow& flow, TimePoint now, Outbox& out) {
  const auto id = parse_branch(response.branch);
  if (id && flow.side == Side::core) {
    if (state_.health.answered(*id, flow, now)) return Outcome::health_check;
    state_.health.heard(flow.peer.address, now);
    if (is_late(*id, response, flow, now, out)) return Outcome::repeated;
  }
  const bool own = id && state_.transactions.is_to_own(*id, response);
  Transaction* transaction = id ? state_.transactions.match_response(*id, response, flow) : nullptr;
  if (own) return Outcome::repeated;
  if (transaction == nullptr) return id ? forgotten(*id, response, flow, now, out) : Outcome::no_transaction;
  if (accepts_registration(response)) registrar_.expect(*transaction);
  if (!sip::check(response).ok()) return Outcome::malformed;
  if (!state_.transactions.wants(*transaction, response, now, out)) return Outcome::repeated;
  return flow.side == Side::core ? response_from_core(response, flow, *transaction, now, out)
                                 : response_from_access(response, flow, *transaction, now, out);
}

// The PBX's address that this comes from was given up, and its request is at another.
bool Proxy::is_late(const BranchId& id, const sip::RawMessage& response, const Flow& flow, TimePoint now, Outbox& out) {
  if (state_.options.pbx.addresses.size() == 1) return false;
  const auto hop = Branches::pbx_of(response.branch);
  // Nothing of the branch has been verified yet.
  return hop && *hop < state_.options.pbx.addresses.size() && state_.transactions.has_left(id, *hop) &&
         failover_.flow_of(*hop).peer.address == flow.peer.address && sip::check(response).ok() &&
         state_.transactions.late(id, *hop, response, now, out);
}

// A response without a transaction: to a CANCEL of ours, of which the transaction layer has taken note, or to a request of before our
// start.
Outcome Proxy::forgotten(const BranchId& id, const sip::RawMessage& response, const Flow& flow, TimePoint now, Outbox& out) {
  const bool to_cancel = response.method == Method::cancel;
  if (!state_.recalls(now) || state_.transactions.knows(id)) return to_cancel ? Outcome::repeated : Outcome::no_transaction;
  const Outcome outcome = stateless_.pass(response, flow, now, out);
  if (outcome != Outcome::forwarded) return outcome;
  count_forwarded(out.items().back().flow, response.method);
  return outcome;
}

Outcome Proxy::response_from_core(const sip::RawMessage& response, const Flow& flow, Transaction& transaction, TimePoint now, Outbox& out) {
  // Nobody hears it: a call that was taken is ended, so that the PBX does not wait for an ACK.
  if (!state_.connections.reach(transaction.from)) {
    state_.transactions.refuse(transaction, response, 500, now, out);
    return Outcome::connection_gone;
  }
  // A response that leads to nobody is not passed on (RFC 3261 §16.7 step 3).
  if (!leads_on(response)) return Outcome::malformed;
  admission_.jail().answered(response, transaction, now);
  if (transaction.method == Method::register_) {
    if (response.status_code == 401 && state_.concealment.learn(response, now) && state_.fellows != nullptr)
      state_.fellows->tell(ChallengeNote{std::string(response.bytes.substr(0, response.body_begin))});
    if (const sip::RawMessage* other = instead_of(response, transaction, now)) return answer(*other, flow, transaction, now, out);
  }
  return answer(response, flow, transaction, now, out);
}

// Whoever has a device here is told what the PBX says.
const sip::RawMessage* Proxy::instead_of(const sip::RawMessage& response, const Transaction& transaction, TimePoint now) {
  if (!Concealment::tells(response.status_code) || state_.registrations.live(transaction.from, now)) return nullptr;
  const sip::RawMessage* challenge = state_.concealment.challenge(response.call_id, response.branch, now);
  if (challenge != nullptr && state_.journal.admits(EventKind::answer_concealed, Outcome::forwarded, now)) {
    const std::string status = std::to_string(response.status_code);
    Event event;
    event.kind = EventKind::answer_concealed;
    event.source = transaction.from.peer;
    event.method = response.method_text;
    event.device = response.to_user;
    event.call_id = response.call_id;
    event.detail = status;
    state_.journal.write(event);
  }
  return challenge;
}

Outcome Proxy::answer(const sip::RawMessage& response, const Flow& flow, Transaction& transaction, TimePoint now, Outbox& out) {
  const bool registers = accepts_registration(response);
  if (registers) state_.registrations.expect_further();
  const bool stale = transaction.memo.starts_with(stale_mark);
  if (!outward_.response(response, flow,
                         {transaction.from, transaction.original, now, stale, registers ? &registrar_ : nullptr, transaction.memo},
                         message_)) {
    state_.transactions.refuse(transaction, response, 500, now, out);
    return Outcome::too_large;
  }
  note_login(response, transaction, now);
  device_limits_.answered(response, transaction, now);
  if (const auto& inside = outward_.audio_inside()) audio_.tell(*inside, transaction.from, response.from_user, response.call_id, now);
  if (registers) {
    state_.health.registered(response.to_user);
    if (const auto until = registrar_.accepted(transaction, response, now)) {
      admission_.accept_source(transaction.from.peer.address, *until, now);
      admission_.jail().accepted(transaction, response, now);
    }
    passwords_.accepted(transaction, response.to_user, now);
  }
  if (response.status_code >= 200 && transaction.state < TransactionState::completed)
    state_.metrics.pbx_response.observe(std::chrono::duration<double>(now - transaction.started).count());
  const Flow to = transaction.from;
  if (takes_call(response)) need_connections(to, flow, now + Connections::call);
  calls_.answered(response, transaction, now);
  if (!state_.transactions.deliver(transaction, response, message_, now, out)) return Outcome::repeated;
  count_forwarded(to, response.method);
  return Outcome::forwarded;
}

// Refused credentials are what a PBX bans us for.
void Proxy::note_login(const sip::RawMessage& response, const Transaction& transaction, TimePoint now) {
  const int status = response.status_code;
  if (status != 401 && status != 403 && status != 407) return;
  if (transaction.with_credentials && !says_expired(response)) state_.health.failed_login(now);
}

Outcome Proxy::response_from_access(const sip::RawMessage& response, const Flow& flow, Transaction& transaction, TimePoint now,
                                    Outbox& out) {
  const std::string_view redirect = redirects_.judge(response, flow, now);
  if (!inward_.response(response, flow, {transaction.hidden_vias, transaction.memo, redirect}, message_)) {
    state_.transactions.refuse(transaction, response, 500, now, out);
    return Outcome::too_large;
  }
  const Flow to = transaction.from;
  if (takes_call(response)) need_connections(to, flow, now + Connections::call);
  calls_.answered(response, transaction, now);
  if (!state_.transactions.deliver(transaction, response, message_, now, out)) return Outcome::repeated;
  count_forwarded(to, response.method);
  return Outcome::forwarded;
}

// A request that carries our own core-side Via has been through here (RFC 3261 §16.3 step 4): the PBX's address is one of our listeners.
bool Proxy::has_been_here(const sip::RawMessage& request) const {
  const auto is_ours = [this](const sip::ViaView& via) {
    if (!state_.names.is_core_address(via.host, via.port)) return false;
    const auto branch = via.param("branch");
    const auto id = branch ? parse_branch(*branch) : std::nullopt;
    // Only who got it there can know such a branch: nobody finds out by a guess what our address on the core side is.
    return id && (state_.transactions.went_to(Side::core, *id) || state_.is_of_fellow(via, *branch));
  };
  return is_ours(request.top_via) || request.any_via_below_top([&](std::string_view element) {
    const auto via = sip::ViaView::parse(element);
    return via && is_ours(*via);
  });
}

bool Proxy::is_open(const Flow& access) const {
  const auto& listeners = state_.options.listeners;
  return access.listener < listeners.size() && listeners[access.listener].open;
}

void Proxy::count_forwarded(const Flow& to, Method method) {
  ++state_.metrics.forwarded[static_cast<std::size_t>(to.side)][static_cast<std::size_t>(to.transport)][static_cast<std::size_t>(method)];
}

}  // namespace postern::sbc
