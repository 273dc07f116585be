# What every target of ours is compiled with: postern_options, linked PRIVATE by each library and test.
add_library(postern_options INTERFACE)
target_include_directories(postern_options INTERFACE "${CMAKE_SOURCE_DIR}")
target_compile_options(postern_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wnull-dereference -Werror
  $<$<CXX_COMPILER_ID:GNU>:-Wno-error=null-dereference>)
target_compile_definitions(postern_options INTERFACE BOOST_ASIO_NO_DEPRECATED)
if(POSTERN_UNITY)
  # another file's names are no concern of a file, and all are in the main one
  target_compile_options(postern_options INTERFACE -Wno-shadow $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endif()

if(POSTERN_SANITIZE)
  add_compile_options(-fsanitize=${POSTERN_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
    # asks for a pipe with each object that it has not seen; a test takes all descriptors away
    $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=vptr>)
  add_link_options(-fsanitize=${POSTERN_SANITIZE})
  # instrumented code misleads the compiler's flow analysis into warnings about the standard library; the dev preset judges warnings
  target_compile_options(postern_options INTERFACE -Wno-error)
  if(POSTERN_SANITIZE STREQUAL "thread")
    # ThreadSanitizer does not see the fences around Asio's handlers; Asio's own locks, which it sees, order them as well.
    add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
  endif()
endif()

# postern_library(NAME SOURCES... [PUBLIC libs...] [PRIVATE libs...] [TEMPLATES]): one static library a folder; third-party libraries
# go behind PRIVATE, so that the compiler and the linker keep the include rules. TEMPLATES: it consists of others' templates (Beast's,
# CLI11's) more than of what takes time when it runs; sanitized, to optimise them is two thirds of what they take to build.
function(postern_library name)
  cmake_parse_arguments(ARG "TEMPLATES" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES UNITY_BUILD ${POSTERN_UNITY} UNITY_BUILD_BATCH_SIZE 30)
  target_link_libraries(${name} PUBLIC ${ARG_PUBLIC} PRIVATE postern_options ${ARG_PRIVATE})
  if(ARG_TEMPLATES AND POSTERN_SANITIZE)
    target_compile_options(${name} PRIVATE -O0)
  endif()
  if(TARGET training)
    add_dependencies(${name} training)
  endif()
endfunction()
