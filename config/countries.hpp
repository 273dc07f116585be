// The country codes that ISO 3166-1 assigns (and XK, which geo databases use for Kosovo).
#pragma once

#include <span>
#include <string_view>

#include "acl/options.hpp"

namespace postern::config {

/// True for `private` and `unknown` as well.
bool is_assigned(acl::Country country);
/// All of them as written, `private` and `unknown` included.
std::span<const std::string_view> country_words();

}  // namespace postern::config
