#include "sbc/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "sbc/registrations.hpp"
#include "sip/header_name.hpp"
#include "sip/method.hpp"
#include "sip/prescreen.hpp"
#include "sip/uri.hpp"

namespace postern::sbc {
namespace {

constexpr std::size_t longest_text = 512;
constexpr int most_turns = 1000;  // of timers between two packets; what is later is done at once, late

// RFC 5737, RFC 3849: addresses of ours where the file has none.
acl::Address stand_in(bool v4) { return *acl::Address::parse(v4 ? "192.0.2.1" : "2001:db8::1"); }

/// As if `enforce` were on: what it would do is what is asked.
EngineOptions enforced_with_bind(EngineOptions options) {
  options.enforce = true;
  if (!options.pbx.bind)
    options.pbx.bind = Endpoint{stand_in(options.pbx.addresses.front().address.is_v4()), PbxOptions::default_bind_port};
  return options;
}

/// The status of what is sent back to whom the packet came from; 0: nothing is.
int answer_to(const Flow& flow, const Outbox& out) {
  for (const Outgoing& item : out.items()) {
    if (item.flow != flow || !item.is_response()) continue;
    int status = 0;
    std::from_chars(item.bytes.data() + Outgoing::response_start.size(), item.bytes.data() + item.bytes.size(), status);
    return status;
  }
  return 0;
}

/// False: it is no request that is answered.
bool write_answer(std::string_view bytes, sip::RawMessage& request, std::string& out) {
  if (sip::prescreen(bytes, request).result != sip::PrescreenResult::message) return false;
  if (!request.is_request || request.method == sip::Method::ack) return false;
  out = "SIP/2.0 480 Temporarily Unavailable\r\n";
  for (const sip::HeaderLine& header : request.header_lines()) {
    using sip::HeaderName;
    const HeaderName name = header.name;
    if (name != HeaderName::via && name != HeaderName::from && name != HeaderName::to && name != HeaderName::call_id &&
        name != HeaderName::cseq)
      continue;
    if (name == HeaderName::to && request.to_tag.empty())
      out.append(request.text({header.line.begin, header.value.end})).append(";tag=explain\r\n");
    else
      out.append(request.text(header.line));
  }
  out += "Content-Length: 0\r\n\r\n";
  return true;
}

acl::Action verdict_of(Outcome outcome, int status, bool bans) {
  if (info(outcome).kind != OutcomeKind::refused) return acl::Action::allow;
  if (status != 0) return acl::Action::reject;
  return bans ? acl::Action::ban : acl::Action::drop;
}

std::string names_of(const std::vector<ListenerOptions>& listeners) {
  std::string names;
  for (const ListenerOptions& listener : listeners) names.append(names.empty() ? "" : ", ").append(listener.name);
  return names;
}

bool fits(const ListenerOptions& listener, const RequestSketch& sketch) {
  return !sketch.transport || listener.transport == *sketch.transport;
}

/// Can stand in angle brackets, and in a request line.
bool is_usable_uri(std::string_view uri) {
  const bool clean = std::ranges::all_of(uri, [](char c) { return c > ' ' && c != '\x7f' && c != '<' && c != '>' && c != '"'; });
  if (!clean || uri.size() > longest_text) return false;
  return sip::UriView::parse(uri) || (uri.size() > 4 && sip::iequals(uri.substr(0, 4), "tel:"));
}

/// Empty: nothing is wrong.
std::string_view problem_of(const RequestSketch& sketch) {
  if (sip::method_of(sketch.method) == sip::Method::other) return "the method must be one of SIP's, such as REGISTER";
  if (!sketch.from.empty() && !is_usable_uri(sketch.from)) return "from must be a URI such as sip:1001@sip.example.com";
  if (!sketch.to.empty() && !is_usable_uri(sketch.to)) return "to must be a URI such as sip:1002@sip.example.com";
  if (!sketch.request_uri.empty() && !is_usable_uri(sketch.request_uri))
    return "request_uri must be a URI such as sip:1002@sip.example.com";
  const auto& agent = sketch.user_agent;
  const bool clean = std::ranges::all_of(agent, [](char c) { return static_cast<unsigned char>(c) >= ' ' && c != '\x7f'; });
  if (!clean || agent.size() > longest_text) return "the user agent must be one line of at most 512 bytes";
  return {};
}

std::string without_user(const std::string& uri) {
  const auto view = sip::UriView::parse(uri);
  return view ? fmt::format("{}:{}", view->scheme, view->host_port()) : uri;
}

}  // namespace

EngineOptions without_limits(EngineOptions options) {
  options.limits.per_source.reset();
  options.limits.per_source_methods.clear();
  options.limits.unknown_sources.reset();
  options.limits.pbx.reset();
  options.limits.per_device.clear();
  options.limits.calls_per_hour.reset();
  options.limits.concurrent_calls.reset();
  options.limits.concurrent_calls_per_device.reset();
  return options;
}

DryRun::DryRun(EngineOptions options, std::shared_ptr<const acl::Policy> policy, const Secrets& secrets)
    : options_(enforced_with_bind(std::move(options))), policy_(std::move(policy)), engine_(options_, policy_, secrets, *this) {}

void DryRun::pass_to(TimePoint now) {
  for (int turn = 0; turn < most_turns; ++turn) {
    const auto next = engine_.next_deadline();
    if (!next || *next > now) break;
    now_ = std::max(now_, *next);
    engine_.advance(now_, out_);
    answer_as_pbx();
  }
  now_ = std::max(now_, now);
  engine_.advance(now_, out_);
  answer_as_pbx();
}

void DryRun::answer_as_pbx() {
  sip::RawMessage request;
  for (const Outgoing& item : out_.items()) {
    if (item.flow.side != Side::core || !write_answer(item.bytes, request, answer_)) continue;
    engine_.handle({answer_, item.flow}, now_, after_);
    after_.clear();
  }
  out_.clear();
}

Explanation DryRun::handle(const Datagram& datagram, TimePoint now) {
  pass_to(now);
  Explanation explanation;
  // A message over a connection has come through its acceptance.
  const bool over_stream = datagram.flow.side == Side::access && !is_datagram(datagram.flow.transport);
  explanation.outcome = over_stream ? engine_.connected(datagram.flow, now_) : Outcome::forwarded;
  if (explanation.outcome == Outcome::forwarded) explanation.outcome = engine_.handle(datagram, now_, out_);
  const Decision decision = engine_.last_decision();
  if (info(explanation.outcome).kind == OutcomeKind::refused) explanation.status = answer_to(datagram.flow, out_);
  explanation.verdict = verdict_of(explanation.outcome, explanation.status, decision.bans);
  explanation.rule = decision.rule;
  if (explanation.outcome != Outcome::scanner_score) explanation.detail = decision.detail;  // that is of the engine, and tells the same
  explanation.score = decision.score;
  explanation.score_bans = options_.scanner_score;
  explanation.number = decision.number;
  explanation.number_class = decision.number_class;
  answer_as_pbx();
  if (decision.spared) explanation.spared = policy_->rule_name(*decision.spared);
  if (decision.gate != nullptr) {
    explanation.rule.reset();
    explanation.rule_name = decision.gate->name;
    explanation.at = decision.gate->at;
  }
  if (!explanation.rule) return explanation;
  explanation.rule_name = policy_->rule_name(*explanation.rule);
  if (*explanation.rule != acl::Verdict::default_rule) explanation.at = policy_->rules()[static_cast<std::size_t>(*explanation.rule)].at;
  return explanation;
}

void DryRun::register_flow(const Flow& flow, std::string_view user, TimePoint now, std::chrono::seconds expires) {
  pass_to(now);
  Binding binding;
  binding.aor_user = user;
  binding.contact_uri = fmt::format("sip:{}@{}", user, flow.peer.to_string());
  binding.core_contact = binding.contact_uri;
  binding.flow = flow;
  // What has ended already is not taken back: a registration that is taken off ends right away instead.
  binding.expires = now_ + std::max<std::chrono::nanoseconds>(expires, std::chrono::nanoseconds{1});
  binding.last_heard = now_;
  binding.since = now_;
  DurableState kept;
  kept.bindings.push_back(std::move(binding));
  engine_.restore(std::move(kept), now_);
}

std::variant<Flow, std::string> flow_of(const EngineOptions& options, const RequestSketch& sketch) {
  const auto& listeners = options.listeners;
  auto found = listeners.end();
  if (!sketch.listener.empty()) {
    found = std::ranges::find(listeners, sketch.listener, &ListenerOptions::name);
    if (found == listeners.end()) return fmt::format("no listener is named {} (there are {})", sketch.listener, names_of(listeners));
    if (!fits(*found, sketch)) return fmt::format("the listener {} takes {} alone", found->name, to_string(found->transport));
  } else {
    const bool v4 = sketch.source.address.is_v4();
    found = std::ranges::find_if(
        listeners, [&](const ListenerOptions& listener) { return fits(listener, sketch) && listener.bind.address.is_v4() == v4; });
    if (found == listeners.end())
      found = std::ranges::find_if(listeners, [&](const ListenerOptions& listener) { return fits(listener, sketch); });
    if (found == listeners.end())
      return fmt::format("no listener takes {} (there are {})", to_string(*sketch.transport), names_of(listeners));
  }
  Flow flow;
  flow.transport = found->transport;
  flow.listener = static_cast<std::uint8_t>(found - listeners.begin());
  flow.local = found->bind.address.is_unspecified() ? stand_in(found->bind.address.is_v4()) : found->bind.address;
  flow.peer = sketch.source;
  if (flow.peer.port == 0) flow.peer.port = default_sip_port;
  return flow;
}

std::optional<std::string> write_request(const RequestSketch& sketch, const Flow& flow, std::string& problem) {
  problem = problem_of(sketch);
  if (!problem.empty()) return std::nullopt;
  const std::string here = "sip:" + uri_host(flow.local);
  const bool registers = sketch.method == "REGISTER";
  const std::string from = !sketch.from.empty() ? sketch.from : registers && !sketch.to.empty() ? sketch.to : here;
  const std::string to = !sketch.to.empty() ? sketch.to : registers ? from : here;
  const std::string request_uri = !sketch.request_uri.empty() ? sketch.request_uri : registers ? without_user(to) : to;
  const std::string peer = flow.peer.to_string();
  std::string text = fmt::format(
      "{} {} SIP/2.0\r\nVia: SIP/2.0/{} {};branch=z9hG4bKexplain;rport\r\nMax-Forwards: 70\r\nFrom: <{}>;tag=explain\r\nTo: <{}>\r\n"
      "Call-ID: explain@{}\r\nCSeq: 1 {}\r\nContact: <sip:explain@{}>\r\n",
      sketch.method, request_uri, flow.transport == Transport::udp ? "UDP" : "TCP", peer, from, to, uri_host(flow.peer.address),
      sketch.method, peer);
  if (!sketch.user_agent.empty()) text += fmt::format("User-Agent: {}\r\n", sketch.user_agent);
  text += "Content-Length: 0\r\n\r\n";
  sip::RawMessage raw;
  if (sip::prescreen(text, raw).result == sip::PrescreenResult::message) return text;
  problem = "from, to and request_uri make no SIP request";
  return std::nullopt;
}

std::variant<Explanation, std::string> explain(const EngineOptions& options, const std::shared_ptr<const acl::Policy>& policy,
                                               const RequestSketch& sketch, std::optional<std::string_view> message,
                                               std::shared_ptr<const acl::TravelPasses> passes) {
  const auto way = flow_of(options, sketch);
  if (const auto* problem = std::get_if<std::string>(&way)) return *problem;
  const Flow& flow = std::get<Flow>(way);
  std::string written;
  if (!message) {
    std::string problem;
    auto request = write_request(sketch, flow, problem);
    if (!request) return problem;
    written = *std::move(request);
    message = written;
  }
  DryRun engine(without_limits(options), policy, {});
  if (passes != nullptr) engine.set_passes(std::move(passes));
  if (sketch.registered) engine.register_flow(flow, "explain", DryRun::epoch, std::chrono::hours{1});
  return engine.handle({*message, flow}, DryRun::epoch);
}

}  // namespace postern::sbc
