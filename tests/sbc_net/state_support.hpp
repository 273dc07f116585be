// A folder for a test, and changes to keep in it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "sbc/net/log.hpp"
#include "sbc/net/state_record.hpp"

namespace postern::net {

inline acl::Address address(std::string_view text) { return acl::Address::parse(text).value_or(acl::Address()); }

inline std::vector<sbc::ListenerOptions> two_listeners() {
  std::vector<sbc::ListenerOptions> listeners(2);
  listeners.at(0).bind.port = 5060;
  listeners.at(1).bind = {address("192.0.2.1"), 5062};
  return listeners;
}

/// Over the second listener, for an hour.
inline sbc::Binding binding_of(const std::string& user, acl::TimePoint now) {
  sbc::Binding binding;
  binding.aor_user = user;
  binding.call_id = "call-" + user;
  binding.instance = "\"<urn:uuid:" + user + ">\"";
  binding.contact_uri = "sip:" + user + "@192.168.1.20:5062;transport=udp";
  binding.core_contact = "sip:" + user + "~" + std::string(40, 'A') + "@10.0.0.2:5080";
  binding.flow = {sbc::Side::access, sbc::Transport::udp, 1, address("192.0.2.1"), {address("203.0.113.7"), 40'000}, 0};
  binding.expires = now + std::chrono::hours(1);
  binding.last_heard = now;
  return binding;
}

class FolderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "postern-store-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    parent_ = name;
    std::filesystem::create_directory(folder());
    std::filesystem::permissions(folder(), std::filesystem::perms::owner_all);
  }
  void TearDown() override { std::filesystem::remove_all(parent_); }

  [[nodiscard]] std::filesystem::path folder() const { return parent_ / "state"; }
  [[nodiscard]] std::string content(const char* name) const {
    std::ifstream file(folder() / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void write(const char* name, const std::string& bytes) const { std::ofstream(folder() / name, std::ios::binary) << bytes; }

  std::filesystem::path parent_;
};

/// A log whose text a test can read.
class ReadableLog {
 public:
  ReadableLog() : stream_(::open_memstream(&data_, &size_)), log_(std::make_unique<Log>(LogOptions{}, stream_)) {}
  ~ReadableLog() {
    log_.reset();
    std::fclose(stream_);
    std::free(data_);  // NOLINT(cppcoreguidelines-no-malloc): open_memstream(3) asks for it
  }
  ReadableLog(const ReadableLog&) = delete;
  ReadableLog& operator=(const ReadableLog&) = delete;
  Log& operator*() { return *log_; }
  /// All that was written; the log is of no use afterwards.
  std::string text() {
    log_.reset();
    std::fflush(stream_);
    return {data_, size_};
  }

 private:
  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::FILE* stream_;
  std::unique_ptr<Log> log_;
};

}  // namespace postern::net
