# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
# The toolchain for arm64 on another machine: Debian's cross compiler, with headers and libraries from tools/sysroot. Programs run
# in qemu's user emulation, so that ctest works as it does elsewhere.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(EIPGW_ARCHITECTURE arm64) # its name in Debian
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)

# CMake reads this file again for each of its trials, which have the cache's variables that are named here.
if(NOT EIPGW_SYSROOT)
	execute_process(COMMAND "${CMAKE_CURRENT_LIST_DIR}/../tools/sysroot" arm64
		OUTPUT_VARIABLE EIPGW_SYSROOT OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
	if(failed)
		message(STATUS "${EIPGW_SYSROOT}") # why, where it's the network's fault
		message(FATAL_ERROR "tools/sysroot gave no headers and libraries for arm64")
	endif()
endif()
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES EIPGW_SYSROOT)
# Whatever was found in an earlier one is looked for again.
if(NOT EIPGW_SYSROOT STREQUAL EIPGW_SYSROOT_BEFORE)
	get_cmake_property(names CACHE_VARIABLES)
	list(FILTER names INCLUDE REGEX "^(pkgcfg_lib_|__pkg_config_checked_)")
	foreach(name IN LISTS names)
		unset(${name} CACHE)
	endforeach()
	set(EIPGW_SYSROOT_BEFORE "${EIPGW_SYSROOT}" CACHE INTERNAL "")
endif()
set(CMAKE_SYSROOT "${EIPGW_SYSROOT}")
# Where it lies on this machine isn't in what is built.
add_compile_options("-ffile-prefix-map=${EIPGW_SYSROOT}=")

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} "${EIPGW_SYSROOT}")
set(ENV{PKG_CONFIG_LIBDIR} "${EIPGW_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig")

set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -L "${EIPGW_SYSROOT}")
