// Captures of each kind of link, whole, in pieces and hostile.
#include "sbc/net/capture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/sbc_net/capture_bytes.hpp"

namespace postern::net {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint32_t link_null = 0, link_ethernet = 1, link_raw = 101, link_loop = 108, link_cooked = 113, link_cooked2 = 276;

class Sink : public CaptureSink {
 public:
  bool wants(sbc::Transport /*transport*/, const sbc::Endpoint& source, const sbc::Endpoint& destination) override {
    return source.port == 5060 || destination.port == 5060;
  }
  void on_message(const sbc::SeenMessage& seen) override {
    texts.emplace_back(seen.bytes);
    last = seen;
    streams.push_back(seen.stream);
  }

  std::vector<std::string> texts;
  std::vector<std::uint64_t> streams;
  sbc::SeenMessage last;
};

class Captured : public ::testing::Test {
 protected:
  CaptureCounts read(const CaptureFile& file) {
    auto result = read_capture(file.write(), sink_);
    if (const auto* problem = std::get_if<std::string>(&result)) {
      ADD_FAILURE() << *problem;
      return {};
    }
    return std::get<CaptureCounts>(result);
  }
  CaptureCounts read(std::uint32_t link, const std::vector<std::string>& frames) {
    CaptureFile file(link);
    for (const std::string& frame : frames) file.add(frame);
    return read(file);
  }
  std::vector<std::string> texts(std::uint32_t link, const std::vector<std::string>& frames) {
    read(link, frames);
    return sink_.texts;
  }

  Sink sink_;
};

std::string in_cooked(std::string_view packet, unsigned type) { return zeros(14) + be16(type) + std::string(packet); }
std::string in_cooked2(std::string_view packet, unsigned type) { return be16(type) + zeros(18) + std::string(packet); }

TEST_F(Captured, EachLinkType) {
  const std::string packet = ipv4(udp("hello"));
  EXPECT_THAT(texts(link_ethernet, {ethernet(packet)}), ElementsAre("hello"));
  EXPECT_EQ(sink_.last.source.to_string(), "198.51.100.7:5062");
  EXPECT_EQ(sink_.last.destination.to_string(), "192.0.2.1:5060");
  EXPECT_EQ(sink_.last.packet, 1U);
  EXPECT_EQ(sink_.last.time, std::chrono::seconds(1));
  EXPECT_THAT(texts(link_raw, {packet}), ElementsAre("hello", "hello"));
  EXPECT_EQ(texts(link_null, {le32(2) + packet}).size(), 3U);
  EXPECT_EQ(texts(link_loop, {be32(2) + packet}).size(), 4U);
  EXPECT_EQ(texts(link_cooked, {in_cooked(packet, 0x0800)}).size(), 5U);
  EXPECT_EQ(texts(link_cooked2, {in_cooked2(packet, 0x0800)}).size(), 6U);
  EXPECT_EQ(texts(link_cooked2, {in_cooked2(ipv6(udp("six")), 0x86dd)}).size(), 7U);
  EXPECT_EQ(sink_.last.source.to_string(), "[2001:db8::7]:5062");
}

TEST_F(Captured, VlanTags) {
  const std::string tag = be16(42) + be16(0x0800);
  const std::string packet = ipv4(udp("tagged"));
  const CaptureCounts counts = read(link_ethernet, {
                                                       ethernet(tag + packet, 0x8100),
                                                       ethernet(be16(7) + be16(0x8100) + tag + packet, 0x88a8),
                                                       ethernet(be16(7) + be16(0x8100) + be16(7) + be16(0x8100) + tag + packet, 0x88a8),
                                                       ethernet(be16(42), 0x8100),
                                                   });
  EXPECT_THAT(sink_.texts, ElementsAre("tagged", "tagged"));
  EXPECT_EQ(counts.unreadable, 2U) << "three tags, and one that ends in itself";
}

TEST_F(Captured, PaddingBehindThePacketIsNone) {
  EXPECT_THAT(texts(link_ethernet, {ethernet(ipv4(udp("x")) + zeros(17))}), ElementsAre("x"));
}

TEST_F(Captured, Ipv6ExtensionHeaders) {
  const auto extension = [](unsigned next) { return std::string{static_cast<char>(next), '\0'} + zeros(6); };
  const std::string authentication = std::string{'\x11', '\x04'} + zeros(22);  // (4 + 2) words
  EXPECT_THAT(texts(link_raw, {ipv6(extension(60) + extension(43) + extension(51) + authentication + udp("deep"), 0)}),
              ElementsAre("deep"));
  std::string endless;
  for (int i = 0; i < 50; ++i) endless += extension(60);
  EXPECT_EQ(read(link_raw, {ipv6(endless + udp("x"), 60)}).unreadable, 1U);
}

TEST_F(Captured, FragmentsInAnyOrderAndSentTwice) {
  const std::string whole = udp(std::string(40, 'a') + "end");
  const std::string first = whole.substr(0, 16), second = whole.substr(16, 16), third = whole.substr(32);
  const unsigned more = 0x2000;
  const CaptureCounts counts =
      read(link_raw, {ipv4(third, 17, 4), ipv4(first, 17, more), ipv4(first, 17, more), ipv4(second, 17, more | 2U),  // IPv4, backwards
                      ipv6(fragment_header(17, 0, true) + first, 44), ipv6(fragment_header(17, 16, true) + second, 44),
                      ipv6(fragment_header(17, 32, false) + third, 44)});
  EXPECT_THAT(sink_.texts, ElementsAre(whole.substr(8), whole.substr(8)));
  EXPECT_EQ(sink_.last.packet, 7U);
  EXPECT_EQ(counts.fragments, 5U);
  EXPECT_EQ(counts.lost_fragments, 0U);
}

TEST_F(Captured, FragmentsThatOverlapOrNeverComeAreLost) {
  const std::string whole = udp(std::string(40, 'a'));
  const unsigned more = 0x2000;
  const CaptureCounts overlapping = read(link_raw, {ipv4(whole.substr(0, 24), 17, more), ipv4(whole.substr(16), 17, 2)});
  EXPECT_EQ(overlapping.lost_fragments, 1U);
  const CaptureCounts beyond = read(link_raw, {ipv4(whole.substr(32), 17, 4), ipv4(whole.substr(0, 16), 17, more | 8U, 1)});
  EXPECT_EQ(beyond.lost_fragments, 1U) << "a piece behind the end";
  std::vector<std::string> flood;
  flood.reserve(1000);
  for (unsigned id = 0; id < 1000; ++id) flood.push_back(ipv4(whole.substr(0, 16), 17, more, id));
  EXPECT_EQ(read(link_raw, flood).lost_fragments, 1000U);
  EXPECT_THAT(sink_.texts, IsEmpty());
}

TEST_F(Captured, AStaleFragmentIsNotMixedWithANewOne) {
  const std::string whole = udp(std::string(24, 'a'));
  CaptureFile file(link_raw);
  file.add(ipv4(whole.substr(0, 16), 17, 0x2000), 10);
  file.add(ipv4(whole.substr(16), 17, 2), 50);
  EXPECT_EQ(read(file).lost_fragments, 2U);
  EXPECT_THAT(sink_.texts, IsEmpty());
}

TEST_F(Captured, OtherPortsAndProtocolsAreCounted) {
  const CaptureCounts counts = read(link_ethernet, {ethernet(ipv4(udp("x", 1, 53))), ethernet(ipv4("icmp", 1)), ethernet("arp", 0x0806)});
  EXPECT_EQ(counts.elsewhere, 2U);
  EXPECT_EQ(counts.unreadable, 1U);
  EXPECT_EQ(counts.packets, 3U);
}

TEST_F(Captured, CutOffPacketsAreCounted) {
  CaptureFile file(link_ethernet);
  const std::string frame = ethernet(ipv4(udp("a long message that was cut off")));
  for (std::size_t size = 0; size < frame.size(); ++size) file.add(frame, 1, size);
  const CaptureCounts counts = read(file);
  EXPECT_EQ(counts.truncated, frame.size());
  EXPECT_THAT(sink_.texts, IsEmpty());
}

TEST_F(Captured, LengthsThatLieAreNotBelieved) {
  std::string short_header = ipv4(udp("x"));
  short_header[0] = '\x41';
  std::string long_udp = udp("x");
  long_udp[5] = '\x20';
  std::string tiny_udp = udp("x");
  tiny_udp[5] = '\x03';
  std::string tcp_offset = tcp(1, "x");
  tcp_offset[12] = '\xf0';
  const CaptureCounts counts = read(link_raw, {short_header, ipv4(long_udp), ipv4(tiny_udp), ipv4("udp"), ipv4(tcp_offset, 6),
                                               ipv4("tcp", 6), ipv6(std::string("\x11\xff", 2) + zeros(6), 0), ipv6("\x11", 60), "\x70"});
  EXPECT_EQ(counts.unreadable, 9U);
  EXPECT_THAT(sink_.texts, IsEmpty());
}

TEST_F(Captured, RandomOctetsAreSurvived) {
  std::mt19937 random(1);
  for (const std::uint32_t link : {link_null, link_ethernet, link_raw, link_loop, link_cooked, link_cooked2}) {
    CaptureFile file(link);
    const std::vector<std::string> seeds{ethernet(ipv4(udp("x"))), ipv4(tcp(7, "INVITE sip:a SIP/2.0\r\nContent-Length: 9\r\n\r\n"), 6),
                                         ipv6(fragment_header(17, 0, true) + udp("12345678"), 44)};
    for (int i = 0; i < 2000; ++i) {
      std::string frame = seeds[random() % seeds.size()];
      for (int change = 0; change < 3; ++change) frame[random() % frame.size()] = static_cast<char>(random());
      file.add(frame, static_cast<std::uint32_t>(random()), random() % 8 == 0 ? random() % frame.size() : SIZE_MAX);
    }
    EXPECT_EQ(read(file).packets, 2000U);
  }
}

TEST_F(Captured, AFileThatEndsEarlyIsReadUpToThere) {
  CaptureFile file(link_raw);
  file.add(ipv4(udp("whole")));
  file.add_raw(le32(1) + le32(0) + le32(500) + le32(500) + "too little");
  const CaptureCounts counts = read(file);
  EXPECT_THAT(sink_.texts, ElementsAre("whole"));
  EXPECT_NE(counts.ended_by, "");
}

TEST_F(Captured, WhatIsNoCaptureIsTold) {
  const auto told = [this](const CaptureFile& file) {
    const auto result = read_capture(file.write(), sink_);
    const auto* problem = std::get_if<std::string>(&result);
    return problem == nullptr ? "" : *problem;
  };
  EXPECT_NE(told(CaptureFile(link_raw, 0x12345678U)), "");
  EXPECT_THAT(told(CaptureFile(105)), ::testing::HasSubstr("IEEE802_11"));
  EXPECT_NE(std::get<std::string>(read_capture("/nowhere/none.pcap", sink_)), "");
}

TEST_F(Captured, TimeStampsOutsideOfAllReasonAreClamped) {
  CaptureFile file(link_raw);
  const std::string packet = ipv4(udp("x"));
  file.add_raw(le32(0xffffffffU) + le32(0xffffffffU) + le32(static_cast<std::uint32_t>(packet.size())) +
               le32(static_cast<std::uint32_t>(packet.size())) + packet);
  read(file);
  EXPECT_LE(sink_.last.time, std::chrono::seconds(UINT32_MAX) + std::chrono::microseconds(999'999));
  EXPECT_GE(sink_.last.time, std::chrono::seconds(0));
}

}  // namespace
}  // namespace postern::net
