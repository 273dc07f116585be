// The file that `postern init` writes.
#pragma once

#include <string>
#include <vector>

namespace postern::commands {

/// What the operator has told; checked, and of printable characters alone.
struct FirstFileAnswers {
  std::string pbx;                     ///< "udp://10.0.0.5:15060"
  std::vector<std::string> listeners;  ///< at least one
  std::string country;                 ///< two letters, or empty
  std::vector<std::string> offices;    ///< networks
  std::string geo;                     ///< paths are absolute, or empty
  std::string certificate, private_key;
  std::string advertise;  ///< HOST or HOST:PORT, or empty
};

/// A listener that needs a certificate.
bool is_encrypted(const std::string& listener);

/// What phones see of that listener; empty: `advertise` is not meant for it, as it names the port of another.
std::string advertise_of(const FirstFileAnswers& answers, const std::string& listener);

/// The whole file, with its comments.
std::string first_file(const FirstFileAnswers& answers);

}  // namespace postern::commands
