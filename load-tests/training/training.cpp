// The day of an edge in a few seconds, for the build that is shipped: what it executes often is compiled for speed (cmake/Training.cmake).
// Phones of several kinds register, are asked, call and are called; strangers are refused for each of the common reasons.
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "load-tests/engine/engine_bench.hpp"
#include "load-tests/sip_text.hpp"

namespace {

using namespace postern;
using bench::response_to;

constexpr std::size_t phones = 400;
constexpr std::size_t usual_rounds = 12;
constexpr std::chrono::microseconds step{500};  // slow enough for the limits that are shipped

constexpr std::string_view rules =
    "networks: {denied: [203.0.113.0/24]}\n"
    "rules: [{name: denied, source: denied, action: drop}]\n";

constexpr std::string_view sdp =
    "v=0\r\no=- 20001 20001 IN IP4 192.168.1.20\r\ns=SDP data\r\nc=IN IP4 192.168.1.20\r\nt=0 0\r\nm=audio 11780 RTP/AVP 0 8 9 101\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:9 G722/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
    "a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";

std::string with_sdp(std::string_view headers) {
  return fmt::format("{}Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{}", headers, sdp.size(), sdp);
}

/// How one maker's phones write.
struct Kind {
  std::string_view user_agent, contact_parameters, more;
};
constexpr std::array<Kind, 4> kinds{{
    {"Yealink SIP-T46U 108.86.0.20", "", "Allow-Events: talk,hold,conference,refer,check-sync\r\n"},
    {"Linphone Desktop/5.2.4 (desk) Debian GNU/Linux 12, Qt 5.15.8 LinphoneCore/5.3.47",
     ";+sip.instance=\"<urn:uuid:cd12ab34-0000-4000-8000-000000000001>\"", "Supported: replaces, outbound, gruu, path\r\n"},
    {"Z 5.6.4 v2.10.20.4", ";rinstance=7f3a5c1d2b4e6f80;transport=UDP", "Allow-Events: presence, kpml, talk\r\n"},
    {"Grandstream GXP2170 1.0.11.64", ";reg-id=1", "Supported: path\r\nX-Grandstream-PBX: true\r\n"},
}};

std::string hex(std::uint64_t number) { return fmt::format("{:016x}", number * 0x9e3779b97f4a7c15ULL); }

std::string contact_of(std::string_view message) {
  const std::string line = load::header(message, "Contact");
  const std::size_t begin = line.find('<') + 1;
  return line.substr(begin, line.find('>') - begin);
}

/// One phone, its PBX, and what they say to each other through the engine.
class Phone {
 public:
  Phone(bench::EngineBench& engine, std::size_t number)
      : engine_(engine),
        number_(number),
        kind_(kinds.at(number % kinds.size())),
        source_(acl::Address::v4(static_cast<std::uint32_t>(0x14000001U + number * 3))),
        port_(static_cast<std::uint16_t>(number % 3 == 0 ? 5060 : 20'000 + number)),
        host_(number % 2 == 0 ? source_.to_string() : "192.168.1.20") {}  // every other one is behind a NAT

  /// Without credentials, then with them; from the first answer on the PBX knows the Contact.
  void register_it() {
    const std::string call_id = hex(number_) + "@192.168.1.20";
    if (!challenged_) {
      at_pbx(request("REGISTER", "sip:198.51.100.1", "1001", call_id, contact_line() + "Expires: 300\r\nContent-Length: 0\r\n\r\n"));
      answer_later(
          "401 Unauthorized",
          fmt::format("WWW-Authenticate: Digest realm=\"asterisk\",nonce=\"1764489600/{}\",opaque=\"{}\",algorithm=MD5,qop=\"auth\"\r\n"
                      "Content-Length: 0\r\n\r\n",
                      hex(number_ + 1), hex(number_ + 2)));
      challenged_ = !load::header(heard(), "WWW-Authenticate").empty();
    }
    at_pbx(request(
        "REGISTER", "sip:198.51.100.1", "1001", call_id,
        contact_line() + authorization("Authorization", "REGISTER", "sip:198.51.100.1") + "Expires: 300\r\nContent-Length: 0\r\n\r\n"));
    core_contact_ = contact_of(asked_);
    answer("200 OK", fmt::format("Contact: <{}>;expires=299\r\nExpires: 300\r\nServer: Asterisk PBX 20.9.2\r\nContent-Length: 0\r\n\r\n",
                                 core_contact_));
  }

  void ask() {
    at_pbx(request("OPTIONS", "sip:198.51.100.1", "ping", hex(++serial_), "Accept: application/sdp\r\nContent-Length: 0\r\n\r\n"));
    answer("200 OK",
           "Allow: OPTIONS, INVITE, ACK, BYE, CANCEL, UPDATE, REGISTER, NOTIFY\r\nAccept: application/sdp\r\nContent-Length: 0\r\n\r\n");
  }

  void call() {
    const std::string call_id = hex(++serial_);
    const std::string invite =
        request("INVITE", "sip:1000@198.51.100.1", "1000", call_id,
                contact_line() + with_sdp(authorization("Proxy-Authorization", "INVITE", "sip:1000@198.51.100.1") + std::string(allow)));
    at_pbx(invite);
    say(invite);  // it has waited too long
    answer_later("180 Ringing", "Contact: <sip:10.0.0.5:15060>\r\nContent-Length: 0\r\n\r\n");
    answer_later("200 OK", with_sdp("Contact: <sip:10.0.0.5:15060>\r\nServer: Asterisk PBX 20.9.2\r\n"));
    const std::string ok = heard();
    const std::string target = contact_of(ok);
    at_pbx(in_dialog("ACK", target, ok, call_id, 1));
    at_pbx(in_dialog("BYE", target, ok, call_id, 2));
    answer("200 OK", "Content-Length: 0\r\n\r\n");
  }

  void be_called() {
    const std::string call_id = hex(++serial_);
    from_pbx("INVITE", call_id, 1,
             with_sdp("Contact: <sip:asterisk@10.0.0.5:15060>\r\nMax-Forwards: 70\r\nUser-Agent: Asterisk PBX 20.9.2\r\n"));
    const std::string invite = heard();
    say(response_to(invite, "100 Trying", "Content-Length: 0\r\n\r\n"));
    say(response_to(invite, "180 Ringing", contact_line() + "Content-Length: 0\r\n\r\n"));
    say(response_to(invite, "200 OK", contact_line() + with_sdp("")));
    from_pbx("ACK", call_id, 1, "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n");
    from_pbx("BYE", call_id, 2, "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n");
    say(response_to(heard(), "200 OK", "Content-Length: 0\r\n\r\n"));
  }

  void be_asked() {
    from_pbx("OPTIONS", hex(++serial_), 1, "Contact: <sip:asterisk@10.0.0.5:15060>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n");
    say(response_to(heard(), "200 OK", contact_line() + std::string(allow) + "Content-Length: 0\r\n\r\n"));
  }

 private:
  static constexpr std::string_view allow = "Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, INFO, REFER, UPDATE, OPTIONS, MESSAGE, SUBSCRIBE\r\n";

  void say(std::string_view message) { engine_.from(source_, port_, message); }
  /// What the PBX is asked thereby; the phone's own 100 may go before it.
  void at_pbx(std::string_view message) {
    say(message);
    asked_.clear();
    for (const sbc::Outgoing& item : engine_.sent()) {
      if (item.flow.side == sbc::Side::core) asked_ = item.bytes;
    }
    if (asked_.empty()) throw std::runtime_error(fmt::format("nothing reached the PBX of\n{}", message));
  }
  void answer(std::string_view status_line, std::string_view more) {
    answer_later(status_line, more);
    engine_.advance();
  }
  void answer_later(std::string_view status_line, std::string_view more) { engine_.from_pbx(response_to(asked_, status_line, more)); }
  /// What reached the phone.
  [[nodiscard]] std::string heard() const {
    if (engine_.sent().empty()) throw std::runtime_error("nothing reached the phone");
    return engine_.sent().back().bytes;
  }

  void from_pbx(std::string_view method, std::string_view call_id, int cseq, std::string_view more) {
    engine_.from_pbx(fmt::format(
        "{0} {1} SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.5:15060;rport;branch=z9hG4bKPj{2}{3}\r\nFrom: \"1000\" <sip:1000@10.0.0.5>;tag=f{2}\r\n"
        "To: <{1}>{5}\r\nCall-ID: {2}\r\nCSeq: {3} {0}\r\n{4}",
        method, core_contact_, call_id, cseq, more, method == "ACK" || cseq > 1 ? ";tag=t" : ""));
  }

  [[nodiscard]] std::string contact_line() const {
    return fmt::format("Contact: <sip:{}@{}:{}>{}\r\n", user(), host_, port_, kind_.contact_parameters);
  }
  [[nodiscard]] std::string user() const { return fmt::format("{}", 1001 + number_); }
  [[nodiscard]] std::string authorization(std::string_view name, std::string_view method, std::string_view uri) {
    ++serial_;
    return fmt::format(
        "{}: Digest username=\"{}\", realm=\"asterisk\", nonce=\"1764489600/{}\", uri=\"{}\", response=\"{}{}\", algorithm=MD5, "
        "cnonce=\"{}\", opaque=\"{}\", qop=auth, nc={:08x}\r\n",
        name, user(), hex(number_ + 1), uri, hex(serial_), hex(method.size()), hex(serial_), hex(number_ + 2), serial_);
  }
  std::string request(std::string_view method, std::string_view uri, std::string_view to, std::string_view call_id,
                      const std::string& more) {
    const std::string target = method == "REGISTER" ? user() : std::string(to);
    ++serial_;
    return fmt::format(
        "{0} {1} SIP/2.0\r\nVia: SIP/2.0/UDP {12}:{2};branch=z9hG4bK{3};rport\r\nMax-Forwards: 70\r\n"
        "From: \"{4}\" <sip:{4}@198.51.100.1>;tag={5}\r\nTo: <sip:{6}@198.51.100.1>\r\nCall-ID: {7}\r\nCSeq: {8} {0}\r\n"
        "User-Agent: {9}\r\n{10}{11}",
        method, uri, port_, hex(serial_), user(), hex(number_), target, call_id, serial_, kind_.user_agent, kind_.more, more, host_);
  }
  [[nodiscard]] std::string in_dialog(std::string_view method, std::string_view target, std::string_view answer, std::string_view call_id,
                                      int cseq) {
    return fmt::format(
        "{0} {1} SIP/2.0\r\nVia: SIP/2.0/UDP {11}:{2};branch=z9hG4bK{3};rport\r\n{4}Max-Forwards: 70\r\n"
        "From: \"{5}\" <sip:{5}@198.51.100.1>;tag={6}\r\n{7}Call-ID: {8}\r\nCSeq: {9} {0}\r\nUser-Agent: {10}\r\nContent-Length: 0\r\n\r\n",
        method, target, port_, hex(++serial_), route_of(answer), user(), hex(number_), load::lines_of(answer, "To"), call_id, cseq,
        kind_.user_agent, host_);
  }
  static std::string route_of(std::string_view answer) {
    const std::string line = load::lines_of(answer, "Record-Route", true);
    return line.empty() ? line : line.substr(std::string_view("Record-").size());
  }

  bench::EngineBench& engine_;
  std::size_t number_;
  const Kind& kind_;
  acl::Address source_;
  std::uint16_t port_;
  std::string host_;  ///< as it knows itself
  std::uint64_t serial_ = number_ * 1000;
  bool challenged_ = false;
  std::string core_contact_, asked_;
};

/// Packets of a denied network, of a scanner, of one who sends too many, and what is no SIP at all.
void refuse(bench::EngineBench& engine, std::size_t round) {
  constexpr std::size_t strangers = 4000;
  for (std::size_t i = 0; i < strangers; ++i) {
    const std::string probe = fmt::format(
        "OPTIONS sip:100@198.51.100.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5091;branch=z9hG4bK{0};rport\r\nMax-Forwards: 70\r\n"
        "From: \"sipvicious\"<sip:100@1.1.1.1>;tag={0}\r\nTo: \"sipvicious\"<sip:100@1.1.1.1>\r\nCall-ID: {0}\r\nCSeq: 1 OPTIONS\r\n"
        "Contact: <sip:100@192.0.2.9:5091>\r\nUser-Agent: {1}\r\nAccept: application/sdp\r\nContent-Length: 0\r\n\r\n",
        hex(round * strangers + i), i % 2 == 0 ? "friendly-scanner" : "Yealink SIP-T46U 108.86.0.20");
    const auto at = [&](std::uint32_t network) { return acl::Address::v4(network + static_cast<std::uint32_t>(i % 250)); };
    engine.from(at(0xcb007101U), 5060, probe);
    if (!engine.sent().empty()) throw std::runtime_error("one of a denied network was answered");
    engine.from(acl::Address::v4(static_cast<std::uint32_t>(0x2d000001U + i)), 5060, probe);
    engine.from(acl::Address::v4(0xc0000209U), 5060, probe);
    if (i % 16 == 0) engine.from(at(0xc6336401U), 5060, i % 32 == 0 ? "\r\n\r\n" : "\x16\x03\x01 no SIP");
  }
}

void train(std::size_t rounds) {
  bench::EngineBench engine(std::string(bench::listener_and_pbx) + std::string(rules), step);
  std::vector<Phone> all;
  for (std::size_t i = 0; i < phones; ++i) all.emplace_back(engine, i);
  for (std::size_t round = 0; round < rounds; ++round) {
    for (Phone& phone : all) {
      phone.register_it();
      phone.ask();
      phone.call();
      phone.be_called();
      phone.be_asked();
    }
    refuse(engine, round);
  }
  if (engine.gauges().registrations != phones)
    throw std::runtime_error(fmt::format("{} of {} phones are registered", engine.gauges().registrations, phones));
}

}  // namespace

/// usage: training_day [ROUNDS]
int main(int argc, char** argv) {
  try {
    train(argc > 1 ? std::stoul(argv[1]) : usual_rounds);
  } catch (const std::exception& error) {
    std::cerr << "training: " << error.what() << '\n';
    return 1;
  }
}
