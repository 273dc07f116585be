#include "sbc/answers.hpp"

#include <fmt/format.h>

namespace postern::sbc {
namespace {

constexpr unsigned retry_after_s = 5;          // for what a person waits for
constexpr unsigned retry_after_spread_s = 30;  // REGISTER and OPTIONS: 5 to 34 s

}  // namespace

bool Answers::send(const sip::RawMessage& request, const Flow& flow, bool proven, const Answer& answer, Outbox& out) {
  if (request.method == sip::Method::ack) return false;
  proven = proven || !is_datagram(flow.transport);
  tag_ = tag_of(request);
  const std::string source_host = flow.peer.address.to_string();
  sip::ResponseParts response;
  response.status_code = answer.status;
  response.reason_phrase = answer.reason_phrase.empty() ? sip::reason_phrase_of(answer.status) : answer.reason_phrase;
  response.to_tag = tag_;
  response.extra = answer.extra;
  response.source_host = source_host;
  response.source_port = flow.peer.port;
  std::string& bytes = out.add(flow, !proven);
  if (proven) {
    sip::write_response(request, response, bytes);
    return true;
  }
  if (sip::write_response_within(request.bytes.size(), request, response, bytes)) return true;
  out.drop_last();
  return false;
}

std::string Answers::tag_of(const sip::RawMessage& request) const {
  const std::array<std::string_view, 4> parts{"to-tag", request.call_id, request.branch, request.from_tag};
  return fmt::format("{:08x}", static_cast<std::uint32_t>(state_.mac.of(parts).low));
}

bool Answers::acknowledged(const sip::RawMessage& ack) const { return ack.to_tag == tag_of(ack); }

bool Answers::overloaded(const sip::RawMessage& request, const Flow& flow, bool proven, Outbox& out,
                         std::optional<std::chrono::seconds> retry_after) {
  std::uint64_t seconds = retry_after_s;
  if (retry_after) {
    seconds = static_cast<std::uint64_t>(retry_after->count());
  } else if (request.method == sip::Method::register_ || request.method == sip::Method::options) {
    // Another each time: else those who were told the same would meet again and again.
    const std::array<std::string_view, 3> parts{"retry-after", request.call_id, request.branch};
    seconds += state_.mac.of(parts).low % retry_after_spread_s;
  }
  return send(request, flow, proven, {503, {}, fmt::format("Retry-After: {}\r\n", seconds)}, out);
}

}  // namespace postern::sbc
