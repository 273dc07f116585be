// The shared test messages, and small ones of our own.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/data.hpp"

namespace postern::sip::testing {

using postern::testing::data_folder;
using postern::testing::read_file;

/// All files with that extension in a folder of the test data, sorted.
inline std::vector<std::filesystem::path> files(std::string_view folder, std::string_view extension) {
  std::vector<std::filesystem::path> found;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(data_folder() / folder, missing)) {
    if (entry.path().extension() == extension) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// Two captures end before the empty line: the recorder cut them (the index says Content-Length "none").
inline bool is_cut_capture(const std::filesystem::path& path) {
  return path.filename() == "ppp_sip_reqs__req-ACK.sip" || path.filename() == "ppp_sip_reqs__req-BYE.sip";
}

/// Replaces the first `from` in a text.
inline std::string with(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

inline const std::string invite =
    "INVITE sip:1002@sbc.example.com SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK-1;rport\r\n"
    "Max-Forwards: 70\r\n"
    "From: \"Alice, desk\" <sip:1001@sbc.example.com>;tag=a1\r\n"
    "To: <sip:1002@sbc.example.com>\r\n"
    "Call-ID: call-1@192.0.2.10\r\n"
    "CSeq: 7 INVITE\r\n"
    "Contact: <sip:1001@192.0.2.10:5062>\r\n"
    "User-Agent: Phone/1.0\r\n"
    "Content-Type: application/sdp\r\n"
    "Content-Length: 5\r\n"
    "\r\n"
    "v=0\r\n";

inline const std::string ok =
    "SIP/2.0 200 OK\r\n"
    "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-2, SIP/2.0/UDP 192.0.2.10:5062;branch=z9hG4bK-1;rport\r\n"
    "From: <sip:1001@sbc.example.com>;tag=a1\r\n"
    "To: <sip:1002@sbc.example.com>;tag=b2\r\n"
    "Call-ID: call-1@192.0.2.10\r\n"
    "CSeq: 7 INVITE\r\n"
    "Content-Length: 0\r\n"
    "\r\n";

}  // namespace postern::sip::testing
