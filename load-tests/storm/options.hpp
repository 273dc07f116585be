// What the command line of storm_phones says.
#pragma once

#include <arpa/inet.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace postern::load {

using std::chrono::seconds;

struct StormOptions {
  sockaddr_in server{};
  std::string host;
  std::size_t count = 0, offices = 0, office_size = 50;
  unsigned first = 0, seed = 1;
  double rate = 400;
  seconds expires{3600}, refresh{0}, quiet{2}, give_up{600};
  bool keep_challenge = false;
};

inline bool parse_server(const std::string& text, StormOptions& options) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return false;
  options.host = text.substr(0, colon);
  options.server.sin_family = AF_INET;
  options.server.sin_port = htons(static_cast<std::uint16_t>(std::atoi(text.c_str() + colon + 1)));
  return ::inet_pton(AF_INET, options.host.c_str(), &options.server.sin_addr) == 1;
}

inline bool parse_option(const std::string& name, const std::string& value, StormOptions& options) {
  const int number = std::atoi(value.c_str());
  const std::size_t times = value.find('x');
  if (name == "--offices" && times != std::string::npos) {
    options.offices = static_cast<std::size_t>(number);
    options.office_size = std::strtoul(value.c_str() + times + 1, nullptr, 10);
    return options.office_size > 0;
  }
  if (name == "--rate")
    options.rate = std::atof(value.c_str());
  else if (name == "--expires")
    options.expires = seconds(number);
  else if (name == "--refresh")
    options.refresh = seconds(number);
  else if (name == "--quiet")
    options.quiet = seconds(number);
  else if (name == "--give-up")
    options.give_up = seconds(number);
  else if (name == "--seed")
    options.seed = static_cast<unsigned>(number);
  else
    return false;
  return true;
}

inline bool parse(int argc, char** argv, StormOptions& options) {
  if (argc < 4 || !parse_server(argv[1], options)) return false;
  options.count = std::strtoul(argv[2], nullptr, 10);
  options.first = static_cast<unsigned>(std::atoi(argv[3]));
  for (int i = 4; i < argc; ++i) {
    if (std::string(argv[i]) == "--keep-challenge")
      options.keep_challenge = true;
    else if (i + 1 < argc && parse_option(argv[i], argv[i + 1], options))
      ++i;
    else
      return false;
  }
  return options.count > 0 && options.count <= 65'000 && options.offices * options.office_size <= options.count && options.rate > 0 &&
         options.office_size <= 1000;
}

}  // namespace postern::load
