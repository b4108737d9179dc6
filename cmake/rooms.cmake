# How a room of src/ is built: one static library, its tests beside their source.

# Whether a sanitizer watches this build. There, what costs the compiler most is compiled with less.
set(RERANK_SANITIZED OFF)
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  set(RERANK_SANITIZED ON)
endif()

add_library(rerank_options INTERFACE)
target_include_directories(rerank_options INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
# Designated initializers leave fields at their defaults on purpose; g++ 12 sees overlapping copies in plain
# std::string concatenation (GCC bug 105329).
target_compile_options(rerank_options INTERFACE -Wall -Wextra -Wshadow -Werror $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
                       -Wno-missing-field-initializers -fvisibility=hidden -ffp-contract=off)

# rerank_room(NAME SOURCES... [NEEDS rooms...] [LIBRARIES third-party targets...] [TESTS...] [BENCHES...])
# builds the library room_NAME; TESTS become one program NAME_test, BENCHES one program NAME_bench.
function(rerank_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;NEEDS;LIBRARIES;TESTS;BENCHES" ${ARGN})
  add_library(room_${name} STATIC ${ROOM_SOURCES})
  list(TRANSFORM ROOM_NEEDS PREPEND room_)
  target_link_libraries(room_${name} PUBLIC rerank_options ${ROOM_NEEDS} ${ROOM_LIBRARIES})
  if(RERANK_BUILD_TESTS AND ROOM_TESTS)
    rerank_test(${name}_test ${ROOM_TESTS} LIBRARIES room_${name})
  endif()
  if(RERANK_BUILD_BENCHMARKS AND ROOM_BENCHES)
    add_executable(${name}_bench ${ROOM_BENCHES})
    target_include_directories(${name}_bench PRIVATE ${PROJECT_SOURCE_DIR})
    target_link_libraries(${name}_bench PRIVATE room_${name} benchmark::benchmark_main)
  endif()
endfunction()

# rerank_test(NAME SOURCES... LIBRARIES targets...): a GoogleTest program, registered with CTest case by case
# under the label NAME.
function(rerank_test name)
  cmake_parse_arguments(TEST "" "" "LIBRARIES" ${ARGN})
  add_executable(${name} ${TEST_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${TEST_LIBRARIES} GTest::gmock GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})  # for what tests share: "tests/..."
  target_compile_definitions(${name} PRIVATE RERANK_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_compile_options(${name} PRIVATE -O0)  # halves the time to compile them under the sanitizers
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 900 LABELS ${name})
endfunction()
