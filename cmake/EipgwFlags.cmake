# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
# One INTERFACE target carries what every object is compiled with.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

option(EIPGW_SANITIZE "Build with AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
option(EIPGW_WERROR "Warnings are errors" OFF)
option(EIPGW_FUZZ "Build the fuzzers with libFuzzer (clang only)" OFF)

add_library(eipgw_flags INTERFACE)
target_include_directories(eipgw_flags INTERFACE "${CMAKE_SOURCE_DIR}" "${CMAKE_BINARY_DIR}")
target_compile_definitions(eipgw_flags INTERFACE _GNU_SOURCE EIPGW_VERSION="${PROJECT_VERSION}")
target_compile_options(eipgw_flags INTERFACE
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wvla
	-Wformat=2 -Wconversion -Wno-sign-conversion -Wundef -Wimplicit-fallthrough -Wpointer-arith
	-Wwrite-strings -Wnull-dereference -Wdouble-promotion
	-fno-common -fstack-protector-strong
	# -Wextra has it: but fields that an initializer leaves out are meant to be 0.
	-Wno-missing-field-initializers)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
	target_compile_options(eipgw_flags INTERFACE -Wlogical-op -Wduplicated-cond -Wduplicated-branches)
endif()
if(EIPGW_WERROR)
	target_compile_options(eipgw_flags INTERFACE -Werror)
endif()
if(EIPGW_SANITIZE)
	target_compile_options(eipgw_flags INTERFACE
		-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
	target_link_options(eipgw_flags INTERFACE -fsanitize=address,undefined)
else()
	target_compile_options(eipgw_flags INTERFACE $<$<CONFIG:Release,RelWithDebInfo>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2>)
	target_link_options(eipgw_flags INTERFACE -Wl,-z,relro,-z,now -pie)
endif()
if(EIPGW_FUZZ)
	target_compile_options(eipgw_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# eipgw_library(NAME SOURCES ... LINK ...): one static library per folder.
function(eipgw_library name)
	cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
	add_library(eipgw_${name} STATIC ${arg_SOURCES})
	target_link_libraries(eipgw_${name} PUBLIC eipgw_flags PRIVATE ${arg_LINK})
endfunction()
