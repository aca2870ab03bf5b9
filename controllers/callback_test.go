package controllers

import "testing"

func TestSameURL(t *testing.T) {
	for _, pair := range [][2]string{
		{"https://h.example.com", "https://h.example.com/"},
		{"https://H.Example.com/x", "https://h.example.com/x"},
		{"HTTPS://h.example.com/x", "https://h.example.com/x"},
		{"https://h.example.com:443/x", "https://h.example.com/x"},
		{"https://h.example.com/%7euser", "https://h.example.com/~user"},
		{"https://h.example.com/a%2fb", "https://h.example.com/a%2Fb"},
		{"https://h.example.com/a/./b/../c", "https://h.example.com/a/c"},
		{"https://h.example.com/a/..", "https://h.example.com/"},
		{"https://h.example.com?sig=%2b", "https://h.example.com/?sig=%2B"},
		{"https://xn--bcher-kva.example/x", "https://b\u00fccher.example/x"},
	} {
		if !sameURL(pair[0], pair[1]) || !sameURL(pair[1], pair[0]) {
			t.Errorf("%q and %q are the same", pair[0], pair[1])
		}
	}
	for _, pair := range [][2]string{
		{"https://h.example.com/x", "https://h.example.com/X"},
		{"https://h.example.com/x", "https://h.example.com/x/"},
		{"https://h.example.com/a//b", "https://h.example.com/a/b"},
		{"https://h.example.com/x", "http://h.example.com/x"},
		{"https://h.example.com:8443/x", "https://h.example.com/x"},
		{"https://h.example.com/x?a=1&b=2", "https://h.example.com/x?b=2&a=1"},
		{"https://h.example.com/a%2Fb", "https://h.example.com/a/b"},
		{"https://h.example.com/x", "https://h.example.com/x?"},
		{"https://h.example.com/x", "://"},
	} {
		if sameURL(pair[0], pair[1]) || sameURL(pair[1], pair[0]) {
			t.Errorf("%q and %q are not the same", pair[0], pair[1])
		}
	}
}
