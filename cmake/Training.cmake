# What is shipped is compiled twice: once so that it counts what load-tests/training executes, and then for speed where that was often.
# POSTERN_TRAINED asks for it; a build of another compiler than GCC does without. The counts are taken anew in each build, and a source is
# compiled anew only when it has changed: what else has changed hardly moves its counts.
option(POSTERN_TRAINED "Compile it twice, for what a training run executes often (GCC 12 and newer)" OFF)
set(POSTERN_COUNTS "" CACHE PATH "Set by the outer build of the training: the folder that the counts go to")

# Of one source both builds name the counts alike: by its object's place in the build folder.
set(counted_place "-fprofile-prefix-path=${CMAKE_BINARY_DIR}")

if(POSTERN_COUNTS)
  target_compile_options(postern_options INTERFACE -Wno-error)  # the outer build judges warnings
  add_compile_options("-fprofile-generate=${POSTERN_COUNTS}" "${counted_place}" -fprofile-update=single)
  add_link_options(-fprofile-generate)
elseif(POSTERN_TRAINED AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 12 AND NOT CMAKE_CROSSCOMPILING)
  include(ExternalProject)
  set(folder "${CMAKE_BINARY_DIR}/training")
  string(TOUPPER "${CMAKE_BUILD_TYPE}" type)
  string(REGEX REPLACE "(^| )-g( |$)" " " flags "${CMAKE_CXX_FLAGS_${type}}")
  ExternalProject_Add(training
    PREFIX "${folder}" SOURCE_DIR "${CMAKE_SOURCE_DIR}" BINARY_DIR "${folder}/build" STAMP_DIR "${folder}/stamps"
    CMAKE_ARGS "-DPOSTERN_COUNTS=${folder}/counts" -DPOSTERN_TESTS=OFF "-DPOSTERN_UNITY=${POSTERN_UNITY}"
      "-DCMAKE_C_COMPILER=${CMAKE_C_COMPILER}" "-DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}"
      "-DCMAKE_BUILD_TYPE=${CMAKE_BUILD_TYPE}" "-DCMAKE_CXX_FLAGS_${type}=${flags}" "-DCMAKE_CXX_FLAGS=${CMAKE_CXX_FLAGS}"
      "-DCMAKE_PREFIX_PATH=${CMAKE_PREFIX_PATH}"
    BUILD_COMMAND "${CMAKE_COMMAND}" --build <BINARY_DIR> --target training_day
    BUILD_ALWAYS ON
    # What it is built for is what it leaves behind: the counts.
    INSTALL_COMMAND "${CMAKE_COMMAND}" -E rm -rf "${folder}/counts"
    COMMAND <BINARY_DIR>/bin/training_day
    LOG_CONFIGURE ON LOG_BUILD ON LOG_INSTALL ON LOG_OUTPUT_ON_FAILURE ON)
  add_compile_options("-fprofile-use=${folder}/counts" "${counted_place}" -fprofile-partial-training -Wno-missing-profile -Wno-error=coverage-mismatch)
endif()
