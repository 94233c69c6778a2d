# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
# cmake -DFROM=gateway/tell/page -DSTYLE="a.css" -DSCRIPTS="a.js b.js" -DTO=DIR -P page.cmake
#
# Makes one document of the page's files, and of that TO/gateway/tell/page_text.c: the bytes, and the policy that lets a browser run
# nothing else than what is in it, by hashes. The same files give the same bytes.
cmake_minimum_required(VERSION 3.25)

# BASE64(SHA-256 of the text), as Content-Security-Policy wants it; CMake has the hash in hexadecimal only.
function(hash_of text result)
	set(digits "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
	string(SHA256 hex "${text}")
	set(out "")
	foreach(group RANGE 0 60 6)
		string(SUBSTRING "${hex}0000" ${group} 6 three)
		foreach(shift 18 12 6 0)
			math(EXPR digit "(0x${three} >> ${shift}) & 63")
			string(SUBSTRING "${digits}" ${digit} 1 char)
			string(APPEND out "${char}")
		endforeach()
	endforeach()
	string(SUBSTRING "${out}" 0 43 out) # 32 bytes
	set(${result} "sha256-${out}=" PARENT_SCOPE)
endfunction()

# Without what is for readers of the source: the licence's lines at the top.
function(read_part file result)
	file(READ "${FROM}/${file}" text)
	string(REGEX REPLACE "^(//|/\\*|<!--) SPDX[^\n]*\n(//|/\\*|<!--) SPDX[^\n]*\n" "" text "${text}")
	set(${result} "${text}" PARENT_SCOPE)
endfunction()

separate_arguments(SCRIPTS)
read_part("${STYLE}" style)
set(script "\"use strict\";\n")
foreach(file IN LISTS SCRIPTS)
	read_part(${file} part)
	string(APPEND script "${part}")
endforeach()
hash_of("${style}" style_hash)
hash_of("${script}" script_hash)

read_part(page.html html)
string(REPLACE "@STYLE@" "${style}" html "${html}")
string(REPLACE "@SCRIPT@" "${script}" html "${html}")

set(policy "default-src 'none'; script-src '${script_hash}'; style-src '${style_hash}'; connect-src 'self'; img-src data:; ")
string(APPEND policy "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'")

set(head "// SPDX-License-Identifier: GPL-3.0-or-later\n// SPDX-FileCopyrightText: The eipgw authors\n/* Made of ${FROM}. */\n")
file(WRITE "${TO}/gateway/tell/page_text.html" "${html}")
file(READ "${TO}/gateway/tell/page_text.html" bytes HEX)
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE "${TO}/gateway/tell/page_text.c" "${head}#include \"gateway/tell/page_text.h\"\n
const char page_policy[] =\n\t\"${policy}\";\nconst unsigned char page_text[] = {\n${bytes}\n};\nconst size_t page_text_length = sizeof(page_text);\n")
