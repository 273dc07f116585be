// Rewriting, byte for byte: NAME/in.sip goes in, NAME/out.sip must come out. README.md says how to add and renew them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/engine_fixture.hpp"

namespace postern::testing {
namespace {

constexpr std::string_view config = R"(
listeners: [udp://198.51.100.1:5060]
pbx: {address: udp://10.0.0.5:15060, bind: 10.0.0.2:5080, domain: pbx.internal, public_domain: sip.example.com}
)";

std::filesystem::path folder() { return std::filesystem::path(POSTERN_SOURCE_DIR) / "tests/golden"; }

std::vector<std::string> cases() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder())) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

sbc::Endpoint phone() { return {*acl::Address::parse("203.0.113.7"), 5062}; }

// The value behind `begin` up to one of `ends`, in the last message that was sent.
std::string part_of(const EngineBench& bench, std::string_view begin, std::string_view ends) {
  const std::string& bytes = bench.sent.back().bytes;
  const std::size_t at = bytes.find(begin);
  if (at == std::string::npos) return {};
  return bytes.substr(at, bytes.find_first_of(ends, at) - at);
}

void replace_all(std::string& text, std::string_view from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) text.replace(at, from.size(), to);
}

// What in.sip names: a token that the PBX was given for the phone, one that the phone was given for the PBX, the branch of the request
// that a response answers.
class Direction {
 public:
  explicit Direction(const std::string& name)
      : inward_(name.starts_with("inward")), response_(name.find("response") != std::string::npos), bench_(config) {
    const sbc::Flow access = bench_.access_flow(phone());
    bench_.handle(access,
                  "INVITE sip:1002@sip.example.com SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.7:5062;branch=z9hG4bKgolden\r\n"
                  "Max-Forwards: 70\r\nFrom: <sip:1001@sip.example.com>;tag=a\r\nTo: <sip:1002@sip.example.com>\r\n"
                  "Call-ID: golden\r\nCSeq: 1 INVITE\r\nContact: <sip:1001@192.168.1.20:5062;ob>\r\nX-Padding: " +
                      std::string(300, 'x') + "\r\nContent-Length: 0\r\n\r\n");
    core_contact_ = part_of(bench_, "sip:1001~", ">");
    branch_ = part_of(bench_, "z9hG4bK", "\r;");
    bench_.handle(bench_.pbx_flow(), "SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP 10.0.0.2:5080;branch=" + branch_ +
                                         "\r\nVia: SIP/2.0/UDP 203.0.113.7:5062;branch=z9hG4bKgolden\r\n"
                                         "From: <sip:1001@pbx.internal>;tag=a\r\nTo: <sip:1002@pbx.internal>;tag=b\r\nCall-ID: golden\r\n"
                                         "CSeq: 1 INVITE\r\nContact: <sip:asterisk@10.0.0.5:15060>\r\nContent-Length: 0\r\n\r\n");
    access_contact_ = part_of(bench_, "sip:asterisk~", ">");
    if (!response_ || !inward_) return;
    bench_.handle(bench_.pbx_flow(), "INVITE " + core_contact_ +
                                         " SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.5:15060;rport;branch=z9hG4bKcore\r\nMax-Forwards: 70\r\n"
                                         "Record-Route: <sip:10.0.0.5:15060;lr>\r\nFrom: <sip:1002@pbx.internal>;tag=b\r\n"
                                         "To: <sip:1001@pbx.internal>\r\nCall-ID: back@10.0.0.5\r\nCSeq: 7 INVITE\r\n"
                                         "Contact: <sip:asterisk@10.0.0.5:15060>\r\nContent-Length: 0\r\n\r\n");
    branch_ = part_of(bench_, "z9hG4bK", "\r;");
    marker_ = part_of(bench_, "h-", "\r");
  }

  std::string run(std::string in) {
    replace_all(in, "{core-contact}", core_contact_);
    replace_all(in, "{access-contact}", access_contact_);
    replace_all(in, "{branch}", branch_);
    replace_all(in, "{marker}", marker_);
    bench_.sent.clear();
    const sbc::Outcome outcome = bench_.handle(inward_ ? bench_.access_flow(phone()) : bench_.pbx_flow(), in);
    EXPECT_EQ(outcome, sbc::Outcome::forwarded) << sbc::info(outcome).word << "\n" << in;
    const sbc::Side side = inward_ ? sbc::Side::core : sbc::Side::access;
    for (const Sent& sent : bench_.sent) {
      // Of what goes out beside it (a 100, an ACK) only the message itself counts.
      const bool is_response = sent.bytes.starts_with("SIP/2.0 ");
      if (sent.flow.side == side && is_response == response_) return sent.bytes;
    }
    return {};
  }

 private:
  bool inward_;
  bool response_;
  EngineBench bench_;
  std::string core_contact_, access_contact_, branch_, marker_;
};

class Golden : public ::testing::TestWithParam<std::string> {};

TEST_P(Golden, IsRewrittenByteForByte) {
  const std::filesystem::path path = folder() / GetParam();
  const std::string in = read_file(path / "in.sip");
  ASSERT_FALSE(in.empty());
  const std::string out = Direction(GetParam()).run(in);
  ASSERT_FALSE(out.empty());
  if (std::getenv("POSTERN_RENEW_GOLDEN") != nullptr) {  // NOLINT(concurrency-mt-unsafe): tests have one thread
    std::ofstream(path / "out.sip", std::ios::binary) << out;
  }
  EXPECT_EQ(out, read_file(path / "out.sip"));
}

INSTANTIATE_TEST_SUITE_P(Files, Golden, ::testing::ValuesIn(cases()), [](const auto& parameter) {
  std::string name = parameter.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

}  // namespace
}  // namespace postern::testing
