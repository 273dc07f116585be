// An event as a scenario's `log` step writes it.
#pragma once

#include <string>

#include "tests/support/engine_fixture.hpp"

namespace postern::replay {

/// "registered source=203.0.113.7:5062 device=1001": the kind, and each field that has a value.
std::string text_of(const testing::RecordedEvent& event);

}  // namespace postern::replay
