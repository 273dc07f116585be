// Prints the commented file of all keys, for the package's examples.
#include <iostream>

#include "config/load.hpp"

int main() { std::cout << postern::config::default_file(); }
