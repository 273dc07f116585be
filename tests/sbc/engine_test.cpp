// Every message of the shared data through the engine: only what we write is changed, and nothing hidden leaves.
#include "sbc/engine.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "sip/prescreen.hpp"
#include "tests/support/engine_fixture.hpp"
#include "tests/support/hiding.hpp"

namespace postern::testing {
namespace {

using sip::HeaderName;

constexpr std::string_view config = R"(
listeners: [udp://198.51.100.1:5060]
pbx: {address: udp://10.99.88.5:15999, bind: 10.99.88.2:15998, public_domain: door.invalid}
limits: {per_source: off, per_source_methods: {REGISTER: off, INVITE: off}, unknown_sources: off, pbx: off}
builtin_scanners: off
)";
const std::vector<std::string> hidden{"10.99.88.5", "10.99.88.2", "15999", "15998"};
constexpr std::string_view pbx_host = "10.99.88.5";

std::vector<std::filesystem::path> messages() {
  std::vector<std::filesystem::path> found;
  for (const char* folder : {"messages/captured", "messages/devices"}) {
    std::error_code missing;
    for (const auto& entry : std::filesystem::directory_iterator(data_folder() / folder, missing)) {
      if (entry.path().extension() == ".sip") found.push_back(entry.path());
    }
  }
  std::ranges::sort(found);
  return found;
}

struct Read {
  explicit Read(std::string text) : bytes(std::move(text)), result(sip::prescreen(bytes, message).result) {}
  std::string bytes;
  sip::RawMessage message;
  sip::PrescreenResult result;
};

using Names = std::vector<HeaderName>;
const Names written_inward{HeaderName::via,
                           HeaderName::max_forwards,
                           HeaderName::contact,
                           HeaderName::route,
                           HeaderName::record_route,
                           HeaderName::path,
                           HeaderName::supported,
                           HeaderName::require,
                           HeaderName::x_postern,
                           HeaderName::history_info,
                           HeaderName::p_asserted_identity,
                           HeaderName::remote_party_id,
                           HeaderName::diversion,
                           HeaderName::p_charging_vector,
                           HeaderName::p_served_user,
                           HeaderName::p_charging_function_addresses,
                           HeaderName::x_asterisk,
                           HeaderName::authorization,
                           HeaderName::proxy_authorization};
const Names written_outward{HeaderName::via,    HeaderName::max_forwards, HeaderName::contact,          HeaderName::record_route,
                            HeaderName::server, HeaderName::user_agent,   HeaderName::www_authenticate, HeaderName::proxy_authenticate};

std::vector<std::string> untouched(const sip::RawMessage& message, const Names& written) {
  std::vector<std::string> lines;
  for (const sip::HeaderLine& header : message.header_lines()) {
    if (std::ranges::find(written, header.name) == written.end()) lines.emplace_back(message.text(header.line));
  }
  return lines;
}

/// Host of the address in From or To; empty: none.
std::string_view host_in(const sip::RawMessage& message, HeaderName name) {
  const auto address = sip::NameAddrView::parse(message.text(message.find(name)->value));
  return sip::UriView::parse(address ? address->uri : std::string_view{}).value_or(sip::UriView{}).host;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  if (from.empty()) return;
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) text.replace(at, from.size(), to);
}

std::string header_section_without(const sip::RawMessage& message, const Names& names) {
  std::string out;
  for (const sip::HeaderLine& header : message.header_lines()) {
    if (std::ranges::find(names, header.name) == names.end()) out += message.text(header.line);
  }
  return out;
}

class EngineCorpus : public ::testing::Test {
 protected:
  void SetUp() override { POSTERN_NEEDS_TEST_DATA(); }

  static sbc::Flow phone_flow(const EngineBench& bench) { return bench.access_flow({*acl::Address::parse("203.0.113.7"), 5062}); }

  // One that is passed on: 100 and answers to CANCEL go no further than one hop.
  static bool is_answer(const Read& file) {
    return file.result == sip::PrescreenResult::message && !file.message.is_request && file.message.status_code > 100 &&
           file.message.method != sip::Method::cancel;
  }

  // The last message that was sent to a side; empty: none.
  static std::string sent_to(const EngineBench& bench, sbc::Side side) {
    const auto last = std::find_if(bench.sent.rbegin(), bench.sent.rend(), [side](const Sent& sent) { return sent.flow.side == side; });
    return last == bench.sent.rend() ? std::string{} : last->bytes;
  }

  // A URI that leads the PBX to the phone.
  static std::string core_contact(EngineBench& bench) {
    bench.handle(phone_flow(bench),
                 "SUBSCRIBE sip:x@198.51.100.1 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.7:5062;branch=z9hG4bKfirst\r\n"
                 "From: <sip:1001@a>;tag=1\r\nTo: <sip:x@a>\r\nCall-ID: first\r\nCSeq: 1 SUBSCRIBE\r\n"
                 "Contact: <sip:1001@192.168.1.20>\r\nContent-Length: 0\r\n\r\n");
    const std::string sent = sent_to(bench, sbc::Side::core);
    const std::size_t at = sent.find("sip:1001~");
    return sent.substr(at, sent.find('>', at) - at);
  }

  // The request that a response answers, from the phone; then the response with our Via on top.
  static std::string response_from_pbx(EngineBench& bench, const Read& read) {
    const sip::RawMessage& m = read.message;
    const std::string method(m.method_text);
    const std::string shared = header_section_without(m, [&] {
      Names all;
      for (const sip::HeaderLine& header : m.header_lines()) {
        if (header.name != HeaderName::from && header.name != HeaderName::to && header.name != HeaderName::call_id &&
            header.name != HeaderName::cseq)
          all.push_back(header.name);
      }
      return all;
    }());
    const std::string via = "Via: SIP/2.0/UDP 203.0.113.7:5062;branch=z9hG4bKcorpus\r\n";
    bench.sent.clear();
    // Long enough for any of the answers: nobody gets over three times his bytes.
    const std::string padding = "X-Padding: " + std::string(2000, 'x') + "\r\n";
    bench.handle(phone_flow(bench), method + " sip:x@198.51.100.1 SIP/2.0\r\n" + via + shared + padding + "Content-Length: 0\r\n\r\n");
    const std::string request = sent_to(bench, sbc::Side::core);
    if (request.empty()) return {};
    const std::string ours = request.substr(request.find("Via: "), request.find("\r\n", request.find("Via: ")) + 2 - request.find("Via: "));
    return std::string(m.text(m.start_line)) + "\r\n" + ours + via + header_section_without(m, {HeaderName::via}) + "\r\n" +
           std::string(m.body());
  }
};

TEST_F(EngineCorpus, RequestsGoInWithNothingChangedButWhatWeWrite) {
  int forwarded = 0;
  for (const auto& path : messages()) {
    SCOPED_TRACE(path.filename().string());
    const Read in(read_file(path));
    if (in.result != sip::PrescreenResult::message || !in.message.is_request) continue;
    EngineBench bench(config);
    const sbc::Outcome outcome = bench.handle(phone_flow(bench), in.bytes);
    const bool belongs = in.message.method == sip::Method::ack || in.message.method == sip::Method::cancel;
    if (belongs) {
      EXPECT_TRUE(outcome == sbc::Outcome::not_served || outcome == sbc::Outcome::no_transaction) << sbc::info(outcome).word;
      continue;
    }
    EXPECT_EQ(outcome, sbc::Outcome::forwarded) << sbc::info(outcome).word;
    const Read out(sent_to(bench, sbc::Side::core));
    if (out.result != sip::PrescreenResult::message) continue;
    ++forwarded;
    EXPECT_EQ(untouched(in.message, written_inward), untouched(out.message, written_inward));
    EXPECT_EQ(in.message.body(), out.message.body());
    const auto* max_forwards = in.message.find(HeaderName::max_forwards);
    const int hops = max_forwards == nullptr ? 71 : std::stoi(std::string(in.message.text(max_forwards->value)));
    EXPECT_EQ(std::string(out.message.text(out.message.find(HeaderName::max_forwards)->value)), std::to_string(hops - 1));
    EXPECT_EQ(out.message.find(HeaderName::route), nullptr);
  }
  EXPECT_GT(forwarded, 20);
}

TEST_F(EngineCorpus, AnswersGoOutWithNothingChangedButWhatWeWrite) {
  int forwarded = 0;
  for (const auto& path : messages()) {
    SCOPED_TRACE(path.filename().string());
    const Read file(read_file(path));
    if (!is_answer(file)) continue;
    EngineBench bench(config);
    const Read in(response_from_pbx(bench, file));
    ASSERT_EQ(in.result, sip::PrescreenResult::message) << in.bytes;
    const sbc::Outcome outcome = bench.handle(bench.pbx_flow(), in.bytes);
    ASSERT_EQ(outcome, sbc::Outcome::forwarded) << sbc::info(outcome).word << "\n" << in.bytes;
    const Read out(sent_to(bench, sbc::Side::access));
    ++forwarded;
    EXPECT_EQ(untouched(in.message, written_outward), untouched(out.message, written_outward));
    EXPECT_EQ(in.message.body(), out.message.body());
    EXPECT_EQ(leak_in(out.bytes, hidden), "");
  }
  EXPECT_GT(forwarded, 15);
}

TEST_F(EngineCorpus, NothingHiddenLeavesInAnswersInWhichThePbxNamesItself) {
  for (const auto& path : messages()) {
    SCOPED_TRACE(path.filename().string());
    const Read file(read_file(path));
    if (!is_answer(file)) continue;
    EngineBench bench(config);
    const Read in(response_from_pbx(bench, file));
    std::string named = in.bytes.substr(0, in.message.body_begin);
    const std::string host(host_in(in.message, HeaderName::to));
    const std::size_t behind_vias = named.find("\r\n", named.find("z9hG4bKcorpus"));
    std::string tail = named.substr(behind_vias);
    replace_all(tail, host, pbx_host);
    // The dialog's Call-ID is the phone's: it stays what it was.
    const std::string call_id = "Call-ID: " + std::string(in.message.call_id);
    const std::size_t at = tail.find("all-ID: ");
    if (at != std::string::npos) tail.replace(at - 1, tail.find("\r\n", at) - at + 1, call_id);
    named = named.substr(0, behind_vias) + tail + std::string(in.message.body());
    bench.sent.clear();
    const sbc::Outcome outcome = bench.handle(bench.pbx_flow(), named);
    ASSERT_EQ(outcome, sbc::Outcome::forwarded) << sbc::info(outcome).word << "\n" << named;
    EXPECT_EQ(leak_in(sent_to(bench, sbc::Side::access), hidden), "");
  }
}

TEST_F(EngineCorpus, NothingHiddenLeavesInRequestsInWhichThePbxNamesItself) {
  int forwarded = 0;
  for (const auto& path : messages()) {
    SCOPED_TRACE(path.filename().string());
    const Read file(read_file(path));
    if (file.result != sip::PrescreenResult::message || !file.message.is_request || file.message.method == sip::Method::cancel) continue;
    EngineBench bench(config);
    const std::string target = core_contact(bench);
    const sip::RawMessage& m = file.message;
    std::string headers = header_section_without(m, {HeaderName::max_forwards, HeaderName::content_length});
    // All that the message calls its own and its peer's host is the PBX now.
    const std::string_view called = sip::UriView::parse(m.request_uri).value_or(sip::UriView{}).host;
    for (const std::string_view host : {host_in(m, HeaderName::from), host_in(m, HeaderName::to), called})
      replace_all(headers, host, pbx_host);
    const std::string text = std::string(m.method_text) + " " + target + " SIP/2.0\r\n" + headers +
                             "X-Seen: sip:1001~AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA@10.99.88.2:15998\r\nMax-Forwards: 70\r\nContent-Length: " +
                             std::to_string(m.body().size()) + "\r\n\r\n" + std::string(m.body());
    bench.sent.clear();
    const sbc::Outcome outcome = bench.handle(bench.pbx_flow(), text);
    ASSERT_EQ(outcome, sbc::Outcome::forwarded) << sbc::info(outcome).word << "\n" << text;
    ++forwarded;
    const std::string out = sent_to(bench, sbc::Side::access);
    EXPECT_EQ(leak_in(out, hidden), "");
    EXPECT_EQ(out.find("AAAAAAAA"), std::string::npos);
  }
  EXPECT_GT(forwarded, 20);
}

}  // namespace
}  // namespace postern::testing
